package saml

import (
	"crypto/x509"
	"net/url"
	"slices"
	"strings"
)

// Bounds of what is registered of one service provider.
const (
	maxACS           = 64
	maxCertificates  = 16
	maxLocationBytes = 2048
	maxNameIDFormats = 16
)

// An ACS is an assertion consumer service: where a service provider takes Responses by POST.
type ACS struct {
	Location string // http or https, absolute; compared byte for byte, never rewritten
	Index    uint16
}

// A ServiceProvider is what is registered of an app. It is immutable once it is in use; share
// it freely.
type ServiceProvider struct {
	EntityID             string
	ACS                  []ACS               // at least one; the default first
	Certificates         []*x509.Certificate // RSA; any of them may sign requests
	AuthnRequestsSigned  bool
	WantAssertionsSigned bool
	NameIDFormats        []string // as its metadata lists them
}

// NewServiceProvider registers what app.yaml says by hand: an entity ID and the addresses that
// Responses may go to, the first being the default and each having its position as its index.
// With an error among the Findings there is no ServiceProvider.
func NewServiceProvider(entityID string, acs []string) (*ServiceProvider, Findings) {
	var fs Findings
	sp := &ServiceProvider{EntityID: entityID}
	fs.entityID(entityID)
	if len(acs) > maxACS {
		fs.add(FindingTooMany, "more than %d assertion consumer services", maxACS)
		acs = acs[:maxACS]
	}
	for i, location := range acs {
		if fs.location(location) {
			sp.ACS = append(sp.ACS, ACS{Location: location, Index: uint16(i)})
		}
	}
	return sp.checked(fs)
}

// checked adds what is wrong with the whole, and withholds it if anything is.
func (sp *ServiceProvider) checked(fs Findings) (*ServiceProvider, Findings) {
	if len(sp.ACS) == 0 {
		fs.add(FindingNoACS, "no usable assertion consumer service by HTTP-POST")
	}
	if sp.AuthnRequestsSigned && len(sp.Certificates) == 0 {
		fs.add(FindingNoKey, "it signs its requests, but no usable signing certificate is listed")
	}
	if fs.Failed() {
		return nil, fs
	}
	return sp, fs
}

// Default returns where Responses go unless a request names another ACS.
func (sp *ServiceProvider) Default() ACS {
	if len(sp.ACS) == 0 {
		return ACS{}
	}
	return sp.ACS[0]
}

// byLocation returns the registered ACS with exactly that location.
func (sp *ServiceProvider) byLocation(location string) (ACS, bool) {
	i := slices.IndexFunc(sp.ACS, func(a ACS) bool { return a.Location == location })
	if i < 0 {
		return ACS{}, false
	}
	return sp.ACS[i], true
}

// byIndex returns the registered ACS with that index.
func (sp *ServiceProvider) byIndex(index uint16) (ACS, bool) {
	i := slices.IndexFunc(sp.ACS, func(a ACS) bool { return a.Index == index })
	if i < 0 {
		return ACS{}, false
	}
	return sp.ACS[i], true
}

// formAction says where a form to location may lead, as Content-Security-Policy wants it: to
// that scheme, or a better one. The origin alone is not enough. Browsers hold it against
// redirects too, and many service providers take the person on to another host.
func formAction(location string) string {
	if u, err := url.Parse(location); err == nil && u.Scheme == "http" {
		return "https: http:"
	}
	return "https:"
}

// entityID notes what is wrong with an entity ID.
func (fs *Findings) entityID(id string) {
	switch {
	case id == "":
		fs.add(FindingEntityID, "the entity ID is missing")
	case len(id) > maxEntityIDBytes:
		fs.add(FindingEntityID, "the entity ID is longer than %d bytes", maxEntityIDBytes)
	case strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r == 0x7f || r == 0xfffd }):
		fs.add(FindingEntityID, "the entity ID has spaces or control characters in it")
	}
}

func isNotInURL(r rune) bool { return r <= ' ' || r >= 0x7f }

// location reports whether people may be sent to the address, and notes why not. Only http and
// https are: a browser would run javascript: with our origin (CVE-2023-45683).
func (fs *Findings) location(location string) bool {
	u, err := url.Parse(location)
	switch {
	case len(location) > maxLocationBytes:
		fs.add(FindingACSLocation, "an ACS is longer than %d bytes", maxLocationBytes)
	case err != nil || strings.ContainsFunc(location, isNotInURL):
		fs.add(FindingACSLocation, "an ACS is no URL: %.100q", location)
	case u.Scheme != "https" && u.Scheme != "http":
		fs.add(FindingACSScheme, "an ACS is neither http nor https: %.100q", location)
	case u.Hostname() == "" || u.User != nil || u.Fragment != "" || strings.ContainsAny(u.Host, ";,'\"<>"):
		fs.add(FindingACSLocation, "an ACS has no host, or a user or fragment: %.100q", location)
	default:
		if u.Scheme == "http" {
			fs.warn(FindingACSPlain, "an ACS is http: assertions travel there in the clear: %.100q", location)
		}
		return true
	}
	return false
}
