package appliance

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"gatehouse/authcore/onboard"
	"gatehouse/authcore/pki"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/load"
	"gatehouse/webui"
)

// What the command line asks for and gets.
type (
	OnboardOrder = webui.OnboardOrder
	Onboarding   = webui.Onboarding
)

// ErrOnboard is wrapped by errors that are about what was asked for.
var ErrOnboard = webui.ErrInvalid

// onboard makes the files for a person's device by the configuration in force.
func (a *Appliance) onboard(o webui.OnboardOrder) (webui.Onboarding, error) {
	sn := a.holder.Load()
	if sn == nil {
		return Onboarding{}, fmt.Errorf("%w: no configuration is in force yet", webui.ErrRefused)
	}
	return onboardBy(sn.Draft(), o, a.config.Now())
}

// Onboard makes the files for a person's device by the configuration in fsys. Errors:
// ErrNoConfiguration, ErrNoServer, ErrOnboard.
func Onboard(fsys fs.FS, o OnboardOrder, now time.Time) (Onboarding, error) {
	sn, _, err := sealOffline(fsys, load.Options{Now: now})
	if err != nil {
		return Onboarding{}, err
	}
	return onboardBy(sn.Draft(), o, now)
}

func onboardBy(d *snapshot.Draft, o OnboardOrder, now time.Time) (Onboarding, error) {
	devices, err := o.Devices()
	if err != nil {
		return Onboarding{}, err
	}
	p := onboard.Profile{SSID: o.SSID, Name: o.Identity, Machine: o.Machine}
	if p.Trust, err = onboardTrust(d, o, now); err != nil {
		return Onboarding{}, err
	}
	p.Identity.PKCS12 = o.PKCS12
	if o.Certificate != "" {
		chain, err := pki.ParseCertificates([]byte(o.Certificate))
		if err != nil {
			return Onboarding{}, fmt.Errorf("%w: the person's certificate: %w", ErrOnboard, err)
		}
		p.Identity.Certificate = chain[0]
	}
	files, err := onboard.Make(p, devices)
	if err != nil {
		return Onboarding{}, invalidOrder(err)
	}
	made := Onboarding{ServerNames: p.Trust.Names, Files: files}
	for _, root := range p.Trust.Roots {
		sum := sha256.Sum256(root.Raw)
		made.RootSHA256 = append(made.RootSHA256, hex.EncodeToString(sum[:]))
	}
	return made, nil
}

// onboardTrust is what devices have to know of the credentials that o means.
func onboardTrust(d *snapshot.Draft, o OnboardOrder, now time.Time) (onboard.Trust, error) {
	var chains [][]*x509.Certificate
	for _, c := range d.Credentials {
		if o.Server != "" && c.Name != o.Server {
			continue
		}
		var chain []*x509.Certificate
		for _, der := range c.TLS.Certificate {
			one, err := x509.ParseCertificate(der)
			if err != nil {
				return onboard.Trust{}, fmt.Errorf("reading server/%s/certificate.pem: %w", c.Name, err)
			}
			chain = append(chain, one)
		}
		chains = append(chains, chain)
	}
	if len(chains) == 0 {
		return onboard.Trust{}, fmt.Errorf("%w: there is no folder server/%s: %w", webui.ErrNotFound, o.Server, ErrNoServer)
	}
	var others []*x509.Certificate
	if o.CA != "" {
		given, err := pki.ParseCertificates([]byte(o.CA))
		if err != nil {
			return onboard.Trust{}, fmt.Errorf("%w: the root CA: %w", ErrOnboard, err)
		}
		others = given
	}
	for _, ca := range d.CAs {
		others = append(append(others, ca.Anchors...), ca.Intermediates...)
	}
	trust, err := onboard.TrustOf(chains, others, now)
	return trust, invalidOrder(err)
}

// invalidOrder gives an error of package onboard the kind that the API and commands know.
func invalidOrder(err error) error {
	if errors.Is(err, onboard.ErrInvalid) {
		return fmt.Errorf("%w: %s", ErrOnboard, strings.TrimPrefix(err.Error(), onboard.ErrInvalid.Error()+": "))
	}
	return err
}

// A SealedKey is a person's certificate with its key, as files take it.
type SealedKey struct {
	PKCS12      []byte
	Certificate string // PEM
	Password    string // with which it opens
}

// SealKey puts a certificate with its chain and its key, both PEM, into a PKCS #12 that opens with
// password, or with a random one if that is empty. The compat is modern (or "") or legacy. Errors
// wrap ErrOnboard, and hold nothing of the key.
func SealKey(certificate, key []byte, password, compat string) (SealedKey, error) {
	way, ok := onboard.ParseCompat(compat)
	if !ok {
		return SealedKey{}, fmt.Errorf("%w: compat %q is neither modern nor legacy", ErrOnboard, compat)
	}
	if _, err := pki.NewCredential("person", certificate, key); err != nil {
		var fault *pki.CredentialError
		if errors.As(err, &fault) {
			err = fault.Err
		}
		return SealedKey{}, fmt.Errorf("%w: the person's certificate and key: %w", ErrOnboard, err)
	}
	chain, err := pki.ParseCertificates(certificate)
	if err != nil {
		return SealedKey{}, fmt.Errorf("%w: the person's certificate: %w", ErrOnboard, err)
	}
	signer, err := pki.ParsePrivateKey(key)
	if err != nil {
		return SealedKey{}, fmt.Errorf("%w: the person's key: %w", ErrOnboard, err)
	}
	if password == "" {
		password = onboard.NewPassword()
	}
	sealed, err := onboard.Seal(signer, chain, password, way)
	if err != nil {
		return SealedKey{}, invalidOrder(err)
	}
	return sealedKey(sealed, password), nil
}

// CheckKey looks whether a PKCS #12 opens with password. Errors wrap ErrOnboard.
func CheckKey(data []byte, password string) (SealedKey, error) {
	sealed, err := onboard.Open(data, password)
	if err != nil {
		return SealedKey{}, invalidOrder(err)
	}
	return sealedKey(sealed, ""), nil
}

func sealedKey(id onboard.Identity, password string) SealedKey {
	return SealedKey{PKCS12: id.PKCS12, Password: password,
		Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: id.Certificate.Raw}))}
}
