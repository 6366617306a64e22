package fetch

import (
	"errors"
	"net/netip"
	"net/url"
	"path"
	"strings"
)

const (
	archiveSuffix   = ".tar.gz"
	signatureSuffix = ".minisig"
	maxNameBytes    = 100
)

// An address is where an archive is fetched from. Its query may be a presigned permission, which
// is a secret: only shown may reach a log or an error.
type address struct {
	archive, signature *url.URL
}

// parseAddress puts the node's id in raw, and the signature beside the archive unless it has an
// address of its own. No error quotes raw.
func parseAddress(c Config) (address, error) {
	archive, err := parseURL(c.URL, c.Node)
	if err != nil {
		return address{}, err
	}
	if c.SignatureURL != "" {
		signature, err := parseURL(c.SignatureURL, c.Node)
		return address{archive, signature}, err
	}
	signature := *archive
	signature.Path += signatureSuffix
	if signature.RawPath != "" {
		signature.RawPath += signatureSuffix
	}
	return address{archive, &signature}, nil
}

func parseURL(raw, node string) (*url.URL, error) {
	if node == "." || node == ".." {
		return nil, errors.New("the node's id is no name for a file")
	}
	front, query, has := strings.Cut(raw, "?")
	raw = strings.ReplaceAll(front, "{id}", url.PathEscape(node))
	if has {
		raw += "?" + strings.ReplaceAll(query, "{id}", url.QueryEscape(node))
	}
	u, err := url.Parse(raw)
	if err != nil { // its text quotes the address
		return nil, errors.New("the address is not a URL")
	}
	u.Fragment, u.RawFragment = "", ""
	if err := checkURL(u); err != nil {
		return nil, err
	}
	if name := path.Base(u.Path); name == "/" || name == "." || strings.HasSuffix(u.Path, "/") {
		return nil, errors.New("the address names no file")
	}
	return u, nil
}

// checkURL says whether a bundle may be asked for at u: over TLS, or on this machine.
func checkURL(u *url.URL) error {
	switch {
	case u.Host == "":
		return errors.New("the address has no host")
	case u.User != nil:
		return errors.New("credentials in the address are refused: use a presigned address")
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return errors.New("the address must begin with https://")
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// shown is u for people: without its query.
func shown(u *url.URL) string {
	bare := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return bare.String()
}

// fileName returns the name that the archive gets: that in the address where it is plain.
func (a address) fileName() string {
	name := strings.TrimSuffix(path.Base(a.archive.Path), archiveSuffix)
	odd := strings.ContainsFunc(name, func(r rune) bool {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !plain && !strings.ContainsRune("._-", r)
	})
	if name == "" || name[0] == '.' || odd || len(name) > maxNameBytes {
		name = "pulled"
	}
	return name + archiveSuffix
}
