package onboard

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// TrustOf says what a device has to know of RADIUS servers that show the given chains, leaf
// first: their DNS names, and the root that vouches for each at now. Roots are looked for in
// the chains and among others. Errors wrap ErrInvalid.
func TrustOf(chains [][]*x509.Certificate, others []*x509.Certificate, now time.Time) (Trust, error) {
	var t Trust
	seen := map[string]bool{}
	for _, chain := range chains {
		if len(chain) == 0 {
			continue
		}
		for _, name := range chain[0].DNSNames {
			if !seen[name] {
				seen[name] = true
				t.Names = append(t.Names, name)
			}
		}
		root, err := rootOf(chain, others, now)
		if err != nil {
			return Trust{}, err
		}
		if !seen[string(root.Raw)] {
			seen[string(root.Raw)] = true
			t.Roots = append(t.Roots, root)
		}
	}
	return t, t.check()
}

// rootOf returns the certificate at which the chain ends that others verify.
func rootOf(chain, others []*x509.Certificate, now time.Time) (*x509.Certificate, error) {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range append(append([]*x509.Certificate{}, chain...), others...) {
		if isSelfIssued(c) {
			roots.AddCert(c)
		} else {
			between.AddCert(c)
		}
	}
	found, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between,
		CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknown):
		return nil, fmt.Errorf("%w: the root CA of the RADIUS server's certificate is not at hand: "+
			"give its file, with --ca or in the form", ErrInvalid)
	case err != nil:
		return nil, fmt.Errorf("%w: the RADIUS server's certificate: %w", ErrInvalid, err)
	}
	path := found[0]
	return path[len(path)-1], nil
}

func isSelfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }
