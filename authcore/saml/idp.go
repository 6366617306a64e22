package saml

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"
)

// MaxSession is the longest session that an assertion grants, and the default.
const MaxSession = 8 * time.Hour

// A Signing says what of a successful answer is signed. The zero value is both. An error
// Response is always signed.
type Signing uint8

// What is signed.
const (
	SignBoth Signing = iota
	SignAssertion
	SignResponse
)

// ParseSigning reads `sign` of app.yaml; empty is both.
func ParseSigning(s string) (Signing, error) {
	switch s {
	case "", "both":
		return SignBoth, nil
	case "assertion":
		return SignAssertion, nil
	case "response":
		return SignResponse, nil
	}
	return 0, fmt.Errorf("unknown value %.40q of sign: it is both, assertion or response", s)
}

// A Config is what an IdentityProvider is made from. All is required unless said otherwise.
type Config struct {
	EntityID string // ours
	SSO      string // the absolute URL that requests are sent to, by either binding
	Provider *ServiceProvider

	NameID     NameIDSource
	Attributes []Attribute // none: the NameID alone
	// Session is how long the service provider may keep a person signed in. Zero, or more
	// than MaxSession, is MaxSession.
	Session time.Duration

	Sign               Signing
	WantSignedRequests bool // refuse unsigned requests whatever the app's metadata says

	Active Pair                // signs
	Others []*x509.Certificate // of next and previous: in metadata beside the active one

	Memory *RequestMemory // outlives this configuration
	Rand   io.Reader      // safe for concurrent use; crypto/rand.Reader
}

// An IdentityProvider is what we are to one app: it reads the app's requests, and makes our
// metadata and the answers for it. It is immutable and safe for concurrent use.
type IdentityProvider struct {
	c        Config
	metadata []byte
	etag     string
}

// New checks c and makes an IdentityProvider from it.
func New(c Config) (*IdentityProvider, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("making an identity provider: %w", err)
	}
	if c.Session <= 0 || c.Session > MaxSession {
		c.Session = MaxSession
	}
	p := &IdentityProvider{c: c}
	var err error
	if p.metadata, err = p.makeMetadata(); err != nil {
		return nil, fmt.Errorf("making metadata: %w", err)
	}
	p.etag = etagOf(p.metadata)
	return p, nil
}

func (c *Config) check() error {
	var fs Findings
	fs.entityID(c.EntityID)
	if err := fs.Err(); err != nil {
		return err
	}
	if u, err := url.Parse(c.SSO); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return fmt.Errorf("the sign-in address %.200q is no absolute URL", c.SSO)
	}
	switch {
	case c.Provider == nil || len(c.Provider.ACS) == 0:
		return errors.New("no service provider")
	case c.Memory == nil || c.Rand == nil:
		return errors.New("no memory of requests or no randomness")
	case slices.Contains(c.Others, nil):
		return errors.New("a certificate is missing")
	}
	return c.Active.check()
}

// Metadata returns our metadata as it is served, and its ETag in quotes. The bytes are shared
// and may not be written.
func (p *IdentityProvider) Metadata() (data []byte, etag string) { return p.metadata, p.etag }

// Provider returns the service provider that this is for.
func (p *IdentityProvider) Provider() *ServiceProvider { return p.c.Provider }
