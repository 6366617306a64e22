package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/supplicant"

	"github.com/google/go-cmp/cmp"
	"layeh.com/radius"
	"layeh.com/radius/rfc2869"
)

// probe runs the command alone and returns what its user sees.
func probe(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return probeUntil(t.Context(), stdin, args...)
}

// probeUntil is probe that ctx interrupts.
func probeUntil(ctx context.Context, stdin string, args ...string) (
	code int, stdout, stderr string,
) {
	var out, errs bytes.Buffer
	cmd := newProbeCommand()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	classify(cmd)
	cmd.SetArgs(args)
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	code = report(&errs, cmd, cmd.ExecuteContext(ctx))
	return code, out.String(), errs.String()
}

// refuser is a RADIUS server that rejects everybody.
func refuser(t *testing.T, secret string) string {
	t.Helper()
	return answering(t, func(raw []byte) []byte { return reject(raw, secret) })
}

func reject(raw []byte, secret string) []byte {
	req, err := radius.Parse(raw, []byte(secret))
	if err != nil {
		return nil
	}
	eap := rfc2869.EAPMessage_Get(req)
	if len(eap) < 2 {
		return nil
	}
	reply := req.Response(radius.CodeAccessReject)
	reply.Add(rfc2869.MessageAuthenticator_Type, make([]byte, 16))
	reply.Add(rfc2869.EAPMessage_Type, []byte{4, eap[1], 0, 4})
	blank, err := reply.MarshalBinary()
	if err != nil {
		return nil
	}
	mac := hmac.New(md5.New, []byte(secret))
	mac.Write(blank)
	reply.Set(rfc2869.MessageAuthenticator_Type, mac.Sum(nil))
	out, err := reply.Encode()
	if err != nil {
		return nil
	}
	return out
}

func TestProbeUsage(t *testing.T) {
	t.Setenv("GATEHOUSE_SECRET", "")
	good := []string{"--server", "127.0.0.1:9", "--secret-file", "-", "--identity", "a"}
	with := func(args ...string) []string { return append(append([]string{}, good...), args...) }
	tests := []struct {
		name, want string
		args       []string
	}{
		{"server", "--server is missing", []string{"--identity", "a"}},
		{"identity", "--identity is missing", good[:4]},
		{"secret", "the shared secret is missing: give --secret-file FILE, or set GATEHOUSE_SECRET",
			[]string{"--server", "127.0.0.1:9", "--identity", "a"}},
		{"method later", "--method peap-mschapv2 is not available yet",
			with("--method", "peap-mschapv2")},
		{"method unknown", `--method "leap" is unknown`, with("--method", "leap")},
		{"transport later", "--transport dtls is not available yet", with("--transport", "dtls")},
		{"transport unknown", `--transport "tcp" is unknown`, with("--transport", "tcp")},
		{"key alone", "--key needs --cert", with("--key", "k")},
		{"name alone", "--server-name needs --ca", with("--server-name", "n")},
		{"TLS version", `--tls-max "1.4" is unknown`, with("--tls-max", "1.4")},
		{"TLS versions", "lowest TLS version TLS 1.3 is above", with("--tls-min", "1.3",
			"--tls-max", "1.2")},
		{"fragment size", "fragment size 5 is not between", with("--fragment-size", "5")},
		{"count", "--count must be above zero", with("--count", "0")},
		{"parallel", "--parallel must be above zero", with("--parallel", "0")},
		{"too parallel", "10001 at a time are more than 10000", with("--parallel", "10001")},
		{"duration", "--duration must not be negative", with("--duration", "-1s")},
		{"rate", "--rate must not be negative", with("--rate", "-1")},
		{"rate without an end", "--rate needs --count or --duration", with("--rate", "5")},
		{"too high a rate", "a rate of 1e+07/s is not between", with("--rate", "1e7", "--count", "1")},
		{"station", "it cannot be counted up", with("--parallel", "2", "--station", "x")},
		{"timeout", "--timeout must be above zero", with("--timeout", "0s")},
		{"port", "missing port", append([]string{"--server", "127.0.0.1"}, good[2:]...)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := probe(t, "secret\n", tt.args...)
			if code != exitUsage || stdout != "" || !strings.Contains(stderr, tt.want) {
				t.Errorf("code %d, stdout %q, stderr %q; want code %d and %q", code, stdout,
					stderr, exitUsage, tt.want)
			}
		})
	}
}

func TestProbeFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cert, key := selfSigned(t)
	_, otherKey := selfSigned(t)
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	goodCert, goodKey := file("cert.pem", certPEM), file("key.pem", keyPEM)
	tests := []struct {
		name, want string
		args       []string
	}{
		{"no such file", "no such file", []string{"--cert", filepath.Join(dir, "none")}},
		{"key does not fit", "the private key does not fit the certificate in " + goodCert,
			[]string{"--cert", goodCert, "--key", file("other.pem", pem.EncodeToMemory(
				&pem.Block{Type: "PRIVATE KEY", Bytes: otherKey}))}},
		{"key with passphrase", "has a passphrase", []string{"--cert", goodCert, "--key",
			file("enc.pem", pem.EncodeToMemory(
				&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: key}))}},
		{"DER", "is not PEM but DER", []string{"--cert", file("cert.der", cert)}},
		{"text", "is not PEM: no -----BEGIN", []string{"--cert", file("text", []byte("hello"))}},
		{"no key in the certificate file", "holds no private key, but CERTIFICATE",
			[]string{"--cert", goodCert}},
		{"no certificate in the CA file", "holds no certificate, but PRIVATE KEY",
			[]string{"--ca", goodKey}},
		{"damaged certificate", "reading ", []string{"--key", goodKey, "--cert",
			file("bad.pem", pem.EncodeToMemory(
				&pem.Block{Type: "CERTIFICATE", Bytes: cert[:40]}))}},
		{"damaged CA", "holds no certificate that can be read", []string{"--ca",
			file("badca.pem", pem.EncodeToMemory(
				&pem.Block{Type: "CERTIFICATE", Bytes: cert[:40]}))}},
		{"empty secret", "holds no secret", []string{"--secret-file", file("empty", []byte("\n"))}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{
				"--server", "127.0.0.1:9", "--secret-file", "-", "--identity", "a",
			}, tt.args...)
			code, stdout, stderr := probe(t, "secret\n", args...)
			if code != exitUnreadable || stdout != "" || !strings.Contains(stderr, tt.want) {
				t.Errorf("code %d, stdout %q, stderr %q; want code %d and %q", code, stdout,
					stderr, exitUnreadable, tt.want)
			}
		})
	}
}

func TestProbeReject(t *testing.T) {
	secret := "correct horse battery"
	server := refuser(t, secret)
	code, stdout, stderr := probe(t, secret+"\r\n", "--server", server, "--secret-file", "-",
		"--identity", "bob\x1b[2J")
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	last := lines[len(lines)-1]
	if code != exitNo || stderr != "" ||
		!strings.HasPrefix(last, "Access-Reject (server rejected after our identity, 1 round,") {
		t.Errorf("code %d, stderr %q, last line %q", code, stderr, last)
	}
	if !strings.HasPrefix(lines[0], "✓ reach server") || strings.Contains(stdout, "\x1b") {
		t.Errorf("stdout %q", stdout)
	}

	t.Setenv("GATEHOUSE_SECRET", secret)
	code, stdout, _ = probe(t, "", "--server", server, "--identity", "", "--json")
	var got supplicant.Report
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	if code != exitNo || got.Result != supplicant.ResultReject || got.Rounds != 1 {
		t.Errorf("code %d, report %+v", code, got)
	}
}

func TestProbeUnreachable(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	liar := refuser(t, "another secret")
	tests := []struct{ name, server, want string }{
		{"silent", silent.LocalAddr().String(), "is the secret the same there?"},
		{"closed", closed.LocalAddr().String(), "nothing listens on that port"},
		{"other secret", liar, "the secret differs from the server's"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := probe(t, "secret", "--server", tt.server, "--secret-file", "-",
				"--identity", "a", "--timeout", "30ms", "--retries", "1")
			if code != exitUnreachable || !strings.Contains(stderr, tt.want) ||
				!strings.Contains(stdout, "✗ reach server") {
				t.Errorf("code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		})
	}
}

func TestProbeLadder(t *testing.T) {
	r := &supplicant.Report{
		Result: supplicant.ResultAccept, UserName: "alice", VLAN: "30", TLSVersion: "1.3",
		Violations: []string{"TL-1: EAP-TLS Start with flags 0xa0 and 4 bytes of data"},
		Steps: []supplicant.Step{
			{Name: supplicant.StepReach, State: supplicant.StepPassed, Detail: "192.0.2.1:1812"},
			{Name: supplicant.StepSendKey, State: supplicant.StepFailed, Detail: "wrong"},
			{Name: supplicant.StepKeyName, State: supplicant.StepNotRun},
		},
		Traffic: supplicant.Traffic{Rounds: 5}, DurationMS: 12.34,
	}
	var b bytes.Buffer
	if err := writeLadder(&b, r); err != nil {
		t.Fatal(err)
	}
	want := "✓ reach server        192.0.2.1:1812\n" +
		"✗ MS-MPPE-Send-Key    wrong\n" +
		"– EAP-Key-Name\n" +
		"✗ rule broken: TL-1: EAP-TLS Start with flags 0xa0 and 4 bytes of data\n" +
		"Access-Accept (user alice, vlan 30, TLS 1.3, 5 rounds, 12.3 ms)\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("ladder (-want +got):\n%s", diff)
	}
}

func TestProbeHelp(t *testing.T) {
	code, stdout, _ := probe(t, "", "--help")
	for _, want := range []string{"Example", "GATEHOUSE_SECRET", "Exit codes", "--server HOST:PORT"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("help lacks %q", want)
		}
	}
	if code != exitOK || regexp.MustCompile(`--secret[ =]`).MatchString(stdout) {
		t.Errorf("code %d, or a secret in argv:\n%s", code, stdout)
	}
}

func selfSigned(t *testing.T) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "alice"},
		NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour),
	}
	if cert, err = x509.CreateCertificate(rand.Reader, c, c, k.Public(), k); err != nil {
		t.Fatal(err)
	}
	if key, err = x509.MarshalPKCS8PrivateKey(k); err != nil {
		t.Fatal(err)
	}
	return cert, key
}
