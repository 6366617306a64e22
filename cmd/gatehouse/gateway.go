package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance/control"
)

// A remote says which gateway is meant: with no address, the one that runs here.
type remote struct {
	to, tokenFile, ca, fingerprint string
}

func (r *remote) addFlags(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&r.to, "to", "", "`URL` of the gateway, https://HOST:8443 (default: the one that runs here)")
	fl.StringVar(&r.tokenFile, "token-file", "", "`FILE` with the token, - for stdin (or GATEHOUSE_TOKEN)")
	fl.StringVar(&r.ca, "ca", "", "`FILE` with the CA of the gateway's web certificate (default: the system's)")
	fl.StringVar(&r.fingerprint, "fingerprint", "", "`SHA256` of the gateway's web certificate, as it shows it")
}

// A gateway is a running appliance, here or elsewhere.
type gateway struct {
	client *http.Client
	base   string
	token  string
	who    string
	nobody func(error) error
}

// A request is what is asked of a gateway.
type request struct {
	method, path string
	header       http.Header
	body         io.Reader // nil: none
	size         int64     // of body; 0: not known
}

// open makes ready to ask. It asks nobody anything yet.
func (r *remote) open(stateDir string, stdin io.Reader) (*gateway, error) {
	if r.to == "" {
		p := process{stateDir}
		return &gateway{client: control.Client(stateDir), base: "http://gatehouse", who: "the running process",
			nobody: p.errNobody}, nil
	}
	u, err := url.Parse(r.to)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, usagef("--to %q: write https://HOST:PORT", r.to)
	}
	token, err := readToken(r.tokenFile, stdin)
	if err != nil {
		return nil, err
	}
	if token == "" {
		return nil, usageError(errNoToken)
	}
	config, err := r.tlsConfig()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: config, Proxy: http.ProxyFromEnvironment,
		DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext, TLSHandshakeTimeout: 10 * time.Second}
	return &gateway{
		client: &http.Client{Transport: transport, CheckRedirect: noRedirect},
		base:   "https://" + u.Host + strings.TrimSuffix(u.Path, "/"), token: token, who: u.Host,
		nobody: func(err error) error { return unreachableGateway(u.Host, err) },
	}, nil
}

// noRedirect keeps the token from whoever is redirected to.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func unreachableGateway(host string, err error) error {
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) || errors.Is(err, errFingerprint) {
		return exitf(exitTrust, "asking %s: %w; see --ca and --fingerprint", host, err)
	}
	return exitf(exitUnreachable, "asking %s: %w", host, err)
}

var errFingerprint = errors.New("its certificate has another fingerprint")

// tlsConfig verifies by the CA, or by the fingerprint alone: a gateway makes its own certificate.
func (r *remote) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if r.fingerprint != "" {
		want, err := hex.DecodeString(strings.ToLower(strings.ReplaceAll(r.fingerprint, ":", "")))
		if err != nil || len(want) != sha256.Size {
			return nil, usagef("--fingerprint: write the 64 hexadecimal digits of a SHA-256")
		}
		config.InsecureSkipVerify = true // by VerifyConnection instead
		config.VerifyConnection = func(s tls.ConnectionState) error {
			got := sha256.Sum256(s.PeerCertificates[0].Raw)
			if subtle.ConstantTimeCompare(got[:], want) != 1 {
				return fmt.Errorf("%w: %x", errFingerprint, got)
			}
			return nil
		}
	}
	if r.ca != "" {
		text, err := readInput(r.ca, nil)
		if err != nil {
			return nil, err
		}
		if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, exitf(exitUnreadable, "%s holds no certificate", r.ca)
		}
	}
	return config, nil
}

// do asks, and decodes the answer into v.
func (g *gateway) do(ctx context.Context, r request, v any) error {
	q, err := http.NewRequestWithContext(ctx, r.method, g.base+r.path, r.body)
	if err != nil {
		return err
	}
	if r.header != nil {
		q.Header = r.header
	}
	if q.ContentLength = r.size; r.size == 0 {
		q.ContentLength = -1
	}
	if r.body == nil {
		q.ContentLength = 0
	}
	if g.token != "" {
		q.Header.Set("Authorization", "Bearer "+g.token)
	}
	response, err := g.client.Do(q)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // the address has been said
		}
		return g.nobody(err)
	}
	body, err := goodAnswer(response, g.who)
	if err != nil {
		return err
	}
	return decode(body, v)
}

// firstLine returns the first line of a text, without spaces around it.
func firstLine(text []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.TrimSpace(line))
}
