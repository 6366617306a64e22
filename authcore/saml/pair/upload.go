package pair

import (
	"crypto/x509"
	"time"
)

// Upload takes a certificate, a key or both, in PEM; what is not uploaded is nil. A whole pair
// becomes next, in place of one that waits there. A half waits as next for the other half, and
// nothing that is active changes. A half that does not fit the one that waits is refused, and
// so is a half while a whole pair waits, and a key that is or was in use.
//
// The error is Findings about what was uploaded, or a *RefusedError.
func (s Set) Upload(certPEM, keyPEM []byte, now time.Time) (Change, error) {
	if err := s.Can(ActionUpload, now); err != nil {
		return Change{}, err
	}
	switch {
	case certPEM != nil && keyPEM != nil:
		return s.uploadPair(certPEM, keyPEM, now)
	case certPEM == nil && keyPEM == nil:
		return Change{}, Findings{newFinding(Empty, PartPair)}
	}
	if !s.Next.IsEmpty() && s.Next.Missing() == "" {
		return Change{}, refused(NextWaiting, "a whole pair waits as next for app %s: promote or discard it first, or upload certificate and key together", s.App)
	}
	if certPEM != nil {
		return s.uploadCertificate(certPEM, now)
	}
	return s.uploadKey(keyPEM)
}

func (s Set) uploadPair(certPEM, keyPEM []byte, now time.Time) (Change, error) {
	fresh, found := Check(certPEM, keyPEM, now)
	if err := found.Err(); err != nil {
		return Change{}, err
	}
	if f := s.reused(fresh.Certificate, fresh.Key, PartPair); f != nil {
		return Change{}, Findings{*f}
	}
	p := planFor(s.App)
	s.stage(p, fresh)
	return p.done(s)
}

func (s Set) uploadCertificate(data []byte, now time.Time) (Change, error) {
	cert, found := CheckCertificate(data, now)
	if err := found.Err(); err != nil {
		return Change{}, err
	}
	if f := s.reused(cert, nil, PartCertificate); f != nil {
		return Change{}, Findings{*f}
	}
	if s.Next.Key != nil {
		if f := match(cert, s.Next.Key); f != nil {
			return Change{}, Findings{withWaiting(*f, PartKey)}
		}
	}
	p := planFor(s.App)
	p.write(NextCertificateFile, CertificatePEM(cert))
	s.Next.Certificate = cert
	return p.done(s)
}

func (s Set) uploadKey(data []byte) (Change, error) {
	key, found := CheckKey(data)
	if err := found.Err(); err != nil {
		return Change{}, err
	}
	if f := s.reused(nil, key, PartKey); f != nil {
		return Change{}, Findings{*f}
	}
	if s.Next.Certificate != nil {
		if f := match(s.Next.Certificate, key); f != nil {
			return Change{}, Findings{withWaiting(*f, PartCertificate)}
		}
	}
	p := planFor(s.App)
	p.writeKey(NextKeyFile, key)
	s.Next.Key = key
	return p.done(s)
}

// withWaiting says that the other half was there before.
func withWaiting(f Finding, waiting Part) Finding {
	f.Remedy = "upload the one that belongs to the " + string(waiting) + " that waits as next, or discard that first"
	return f
}

// reused notes a certificate or key whose key pair the app uses or has used.
func (s Set) reused(cert *x509.Certificate, key *Key, part Part) *Finding {
	for _, role := range []Role{Active, Previous} {
		slot := s.slot(role)
		if cert != nil && slot.hasKeyOf(cert) || key != nil && slot.hasKey(key) {
			f := newFinding(KeyReused, part)
			f.Text += ": it is that of the " + string(role) + " pair"
			return &f
		}
	}
	return nil
}
