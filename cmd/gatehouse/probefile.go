package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"strings"
)

// readSecret reads the shared secret from path, - being stdin, or from the environment. One
// line break at the end does not belong to it.
func readSecret(path string, stdin io.Reader) ([]byte, error) {
	secret, from := []byte(os.Getenv("GATEHOUSE_SECRET")), "GATEHOUSE_SECRET"
	switch path {
	case "":
		if len(secret) == 0 {
			return nil, usagef("the shared secret is missing: give --secret-file " +
				"FILE, or set GATEHOUSE_SECRET")
		}
	case "-":
		from = "standard input"
	default:
		from = path
	}
	if path != "" {
		var err error
		if secret, err = readInput(path, stdin); err != nil {
			return nil, err
		}
	}
	secret = bytes.TrimSuffix(bytes.TrimSuffix(secret, []byte("\n")), []byte("\r"))
	if len(secret) == 0 {
		return nil, exitf(exitUnreadable, "%s: holds no secret", from)
	}
	return secret, nil
}

func readCAs(path string, stdin io.Reader) (*x509.CertPool, error) {
	b, err := readInput(path, stdin)
	if err != nil {
		return nil, err
	}
	if err := checkPEM(path, b, "CERTIFICATE"); err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, exitf(exitUnreadable, "%s: holds no certificate that can be read", path)
	}
	return pool, nil
}

// readCredential reads a certificate and its private key; without keyPath both are in one file.
func readCredential(certPath, keyPath string, stdin io.Reader) (*tls.Certificate, error) {
	certPEM, err := readInput(certPath, stdin)
	if err != nil {
		return nil, err
	}
	keyPEM := certPEM
	if keyPath == "" {
		keyPath = certPath
	} else if keyPEM, err = readInput(keyPath, stdin); err != nil {
		return nil, err
	}
	if err := checkPEM(certPath, certPEM, "CERTIFICATE"); err != nil {
		return nil, err
	}
	if err := checkPEM(keyPath, keyPEM, "PRIVATE KEY"); err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, credentialError(certPath, keyPath, err)
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, exitf(exitUnreadable, "%s: %w", certPath, err)
		}
	}
	return &pair, nil
}

func credentialError(certPath, keyPath string, err error) error {
	if strings.Contains(err.Error(), "does not match") {
		return exitf(exitUnreadable, "%s: the private key does not fit the certificate "+
			"in %s; the first certificate in that file must be the user's", keyPath, certPath)
	}
	return exitf(exitUnreadable, "reading %s and %s: %w", certPath, keyPath, err)
}

// checkPEM says in words what crypto/tls leaves to the reader: the file is DER, the key has a
// passphrase, the wrong thing is in it.
func checkPEM(path string, b []byte, kind string) error {
	var seen []string
	for rest := b; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
			if kind == "PRIVATE KEY" {
				return exitf(exitUnreadable, "%s: the private key has a passphrase; "+
					"take it off with: openssl pkey -in %s -out plain.key", path, path)
			}
		}
		if strings.HasSuffix(block.Type, kind) {
			return nil
		}
		seen = append(seen, block.Type)
	}
	return exitf(exitUnreadable, "%s: %w", path, missingPEM(b, seen, kind))
}

func missingPEM(b []byte, seen []string, kind string) error {
	what := "certificate"
	if kind == "PRIVATE KEY" {
		what = "private key"
	}
	switch {
	case len(seen) > 0:
		return errors.New("holds no " + what + ", but " + strings.Join(seen, ", "))
	case len(b) > 1 && b[0] == 0x30 && b[1]&0x80 != 0:
		return errors.New("is not PEM but DER (or PKCS#12); convert it with openssl")
	}
	return errors.New("is not PEM: no -----BEGIN … line with a " + what)
}
