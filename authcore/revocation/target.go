package revocation

import (
	"encoding/base64"
	"net/netip"
	"net/url"
	"strings"
)

const (
	// maxURLBytes bounds an address: of a certificate, of the configuration, of a redirect.
	maxURLBytes = 2 << 10
	// maxGETBytes is up to where an OCSP request goes by GET: the whole address, scheme and
	// host included (RFC 5019 §5).
	maxGETBytes = 255
)

// A Target is whom to ask.
type Target struct {
	URL string // http or https, without user and password, up to 2 KiB
	// Allow lists addresses that may be asked although they are loopback, link-local or our
	// own. Everything else may be asked anyway.
	Allow []netip.Prefix
}

var defaultPort = map[string]string{"http": "80", "https": "443"}

// parseURL checks the address of a responder or of a list. Its errors are *FetchError.
func parseURL(raw string) (*url.URL, error) {
	if len(raw) > maxURLBytes {
		return nil, addressError("longer than 2 KiB")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, addressError("malformed") // err quotes the address, and with it passwords
	}
	return u, checkURL(u)
}

func checkURL(u *url.URL) error {
	switch {
	case defaultPort[u.Scheme] == "":
		return addressError(clip("of the scheme \"" + u.Scheme + "\": only http and https are asked"))
	case u.Opaque != "" || u.Hostname() == "":
		return addressError("without a host")
	case u.User != nil:
		return addressError("with a user or a password")
	}
	return nil
}

func addressError(what string) *FetchError {
	return &FetchError{Stage: StageAddress, Detail: "the address to ask is " + what}
}

// healthKey names the responder at u, which is checked: scheme, host, port and path. The path
// belongs to it because one host often serves several CAs, and OCSP beside lists: a list that
// went missing must not keep us from asking for statuses.
func healthKey(u *url.URL) string {
	host := strings.TrimSuffix(strings.ToLower(u.Host), ":"+defaultPort[u.Scheme])
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return u.Scheme + "://" + host + path
}

// getURL returns the address that carries the OCSP request in its path (RFC 6960 §A.1), or ""
// if it must be sent by POST: it is too long, or the responder's address has a query.
func getURL(u *url.URL, request []byte) string {
	if u.RawQuery != "" || u.ForceQuery {
		return ""
	}
	bare := *u
	bare.Fragment, bare.RawFragment = "", ""
	got := strings.TrimSuffix(bare.String(), "/") + "/" +
		url.QueryEscape(base64.StdEncoding.EncodeToString(request))
	if len(got) > maxGETBytes {
		return ""
	}
	return got
}
