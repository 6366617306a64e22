package pki

import (
	"crypto/x509"
	"encoding/asn1"

	"gatehouse/authcore/audit"
)

// oidEAPOverLAN is id-kp-eapOverLAN (RFC 4334 §2).
var oidEAPOverLAN = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 14}

// usages is the extended key usage of one certificate as far as it matters here.
type usages struct{ none, any, clientAuth, eapOverLAN bool }

func usagesOf(c *x509.Certificate) usages {
	u := usages{none: len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0}
	for _, k := range c.ExtKeyUsage {
		u.any = u.any || k == x509.ExtKeyUsageAny
		u.clientAuth = u.clientAuth || k == x509.ExtKeyUsageClientAuth
	}
	for _, id := range c.UnknownExtKeyUsage {
		u.eapOverLAN = u.eapOverLAN || id.Equal(oidEAPOverLAN)
	}
	return u
}

// checkPurpose checks that the leaf is meant for signing in as a client and is no CA, and that
// every CA above it may issue such certificates: where one has an extended key usage, it
// limits those below it, as Windows, OpenSSL and crypto/x509 have it.
func (s *search) checkPurpose() *PathError {
	leaf := s.path[0].cert
	fail := func(depth int, detail string) *PathError {
		return s.failAt(audit.StepPurpose, audit.CertPurpose, depth, detail)
	}
	if leaf.BasicConstraintsValid && leaf.IsCA {
		return fail(0, "it is a CA certificate (CA:TRUE), not a person's")
	}
	if hasExtension(leaf, oidKeyUsage) && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return fail(0, "its key usage lacks digitalSignature, which signing in needs")
	}
	u := usagesOf(leaf)
	if u.none && s.opt.RequireClientAuth {
		return fail(0, "it has no extended key usage; clientAuth is required here (`identity.require_client_auth`)")
	}
	client := u.none || u.any || u.clientAuth
	eap := s.opt.AllowEAPOverLAN && (u.none || u.any || u.eapOverLAN)
	if !client && !eap {
		if u.eapOverLAN {
			return fail(0, "its extended key usage is eapOverLAN only, which is not taken here (`identity.allow_eap_over_lan`)")
		}
		return fail(0, "its extended key usage does not name clientAuth: it was issued for something else")
	}
	for i, n := range s.path[1:] {
		if u := usagesOf(n.cert); !u.none && !u.any {
			client, eap = client && u.clientAuth, eap && u.eapOverLAN
		}
		if !client && !eap {
			return fail(i+1, "its extended key usage does not let it issue certificates for clientAuth")
		}
	}
	return nil
}
