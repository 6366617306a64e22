package load

import (
	"cmp"
	"crypto/tls"
	"errors"
	"path"
	"time"

	"gatehouse/authcore/pki"
)

// credentialFile is one server/NAME.
type credentialFile struct {
	*object
	credential *pki.Credential // nil when failed
}

// readCredential reads the certificate and key of server/name.
func readCredential(t *tree, name string, now time.Time) *credentialFile {
	f := &credentialFile{object: &object{name: "server/" + name}}
	certFile, keyFile := "server/"+name+"/certificate.pem", "server/"+name+"/key.pem"
	if !isName(name) {
		f.fail(certFile, 0, "the folder's name is not usable", nameRemedy)
	}
	cert := f.half(t, certFile, keyFile)
	if t.secrets.closed && !f.failed && !t.files[keyFile] {
		f.withoutKey(name, certFile, cert, now)
		return f
	}
	key := f.half(t, keyFile, certFile)
	if f.failed {
		return f
	}
	c, err := pki.NewCredential(name, cert, key)
	if err != nil {
		f.failCredential(err, certFile, keyFile)
		return f
	}
	for _, w := range c.Warnings(now) {
		f.warn(certFile, 0, w, "")
	}
	f.credential = c
	return f
}

// withoutKey makes a credential of a certificate whose key is sealed.
func (f *credentialFile) withoutKey(name, file string, cert []byte, now time.Time) {
	certs, err := pki.ParseCertificates(cert)
	if err != nil {
		line, text := pemError(err)
		f.fail(file, line, text, "")
		return
	}
	f.credential = &pki.Credential{Name: name, TLS: tls.Certificate{Leaf: certs[0]}}
	for _, c := range certs {
		f.credential.TLS.Certificate = append(f.credential.TLS.Certificate, c.Raw)
	}
	for _, w := range f.credential.Warnings(now) {
		f.warn(file, 0, w, "")
	}
}

// half reads one of the two files.
func (f *credentialFile) half(t *tree, file, other string) []byte {
	if !t.files[file] {
		text := "the file is missing"
		if err := cmp.Or(t.unreadable[file], t.unreadable[path.Dir(file)]); err != nil {
			text = "the file cannot be read: " + err.Error()
		}
		f.fail(file, 0, text, "it belongs beside "+other)
		return nil
	}
	data, err := f.read(t, file)
	if err != nil {
		f.fail(file, 0, "the file cannot be read: "+err.Error(), "")
	}
	return data
}

// failCredential puts an error of pki.NewCredential where it belongs.
func (f *credentialFile) failCredential(err error, certFile, keyFile string) {
	var e *pki.CredentialError
	if !errors.As(err, &e) {
		f.fail(certFile, 0, err.Error(), "")
		return
	}
	line, text := pemError(e.Err)
	switch e.Fault {
	case pki.KeyUnreadable:
		f.fail(keyFile, line, text, "")
	case pki.KeyMismatch:
		f.fail(keyFile, line, text, "put the key there with which the certificate was requested")
	default:
		f.fail(certFile, line, text, "")
	}
}
