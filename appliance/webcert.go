package appliance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"gatehouse/webui"
)

const (
	// webCertLife stays within what Apple devices accept.
	webCertLife = 825 * 24 * time.Hour
	// webCertRenew is how long before its end the certificate is made anew, at a start.
	webCertRenew = 30 * 24 * time.Hour
)

// webCertificate returns the certificate of the web listener, kept in the state directory's tls/:
// one that a CA has signed, if somebody put it there, or else a self-signed one, which is made at the
// first start and shortly before it expires. It is valid
// from the build date on, so that it is believed before the clock has been set. One that cannot
// be used, as a power cut leaves it, is set aside and made anew: a page that shows another
// fingerprint is better than a gateway that does not start.
func (a *Appliance) webCertificate() (tls.Certificate, error) {
	now := a.config.Now()
	dir := filepath.Join(a.config.StateDir, "tls")
	certFile, keyFile := filepath.Join(dir, "certificate.pem"), filepath.Join(dir, "key.pem")
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	switch {
	case err == nil && !webui.IsSelfSigned(pair): // somebody put it there, and would be surprised
		if now.Add(webCertRenew).After(pair.Leaf.NotAfter) {
			a.config.Logger.Error("the web certificate that was installed ends soon: put a new one there, or remove it",
				"part", "webui", "file", certFile, "until", pair.Leaf.NotAfter)
		}
		return pair, nil
	case err == nil && now.Add(webCertRenew).Before(pair.Leaf.NotAfter):
		return pair, nil
	case errors.Is(err, fs.ErrPermission):
		return tls.Certificate{}, fmt.Errorf("reading the web certificate: %w", err)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		aside := dir + ".damaged"
		a.config.Logger.Warn("web certificate made anew", "part", "webui", "file", aside, "err", err)
		if err := errors.Join(os.RemoveAll(aside), os.Rename(dir, aside)); err != nil {
			return tls.Certificate{}, fmt.Errorf("setting the web certificate aside: %w", err)
		}
	}
	certPEM, keyPEM, err := makeWebCertificate(a.config.Built, now)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making the web certificate: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return tls.Certificate{}, fmt.Errorf("keeping the web certificate: %w", err)
	}
	// What a crash leaves of a pair is found at the next start.
	if err := errors.Join(os.WriteFile(keyFile, keyPEM, 0o600), os.WriteFile(certFile, certPEM, 0o644)); err != nil {
		return tls.Certificate{}, fmt.Errorf("keeping the web certificate: %w", err)
	}
	return tls.X509KeyPair(certPEM, keyPEM)
}

func makeWebCertificate(built, now time.Time) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	from := built
	if from.IsZero() || now.Sub(from) > webCertLife/2 {
		from = now.Add(-24 * time.Hour)
	}
	names, addresses := webNames()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: names[0], Organization: []string{"Gatehouse"}},
		NotBefore:    from, NotAfter: from.Add(webCertLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    names, IPAddresses: addresses, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), nil
}

// webNames returns the names and addresses by which the device is reached.
func webNames() (names []string, addresses []net.IP) {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "gatehouse"
	}
	names = []string{host, host + ".local", "localhost"}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return names, nil // the names alone will do
	}
	for _, a := range interfaces {
		if ipnet, ok := a.(*net.IPNet); ok {
			addresses = append(addresses, ipnet.IP)
		}
	}
	return names, addresses
}
