package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/authcore/pki/lab"
)

// The files of a lab CA.
const (
	caFile      = "ca.pem"
	caKeyFile   = "ca-key.pem"
	rootKeyFile = "root-key.pem"
)

const pkiLong = `A lab CA, for tests and pilots: it makes user certificates of every kind and server
credentials, good ones and odd ones, revokes them, and answers for them over OCSP and by CRL.
Its keys lie in its directory, for whoever can read it: use a real CA for a network that
matters.`

const labNote = "A lab CA, for tests and pilots: its keys are files, no network that matters should trust it."

func newPKICommand() *cobra.Command {
	group := newGroup("pki", "Make certificates for tests and pilots",
		newPKICACommand(), newPKIIssueCommand(), newPKIRevokeCommand(), newPKIOCSPCommand())
	group.Long = pkiLong
	return group
}

// made is the answer of a command that makes a certificate.
type made struct {
	Certificate string     `json:"certificate"`
	Key         string     `json:"key"`
	CA          string     `json:"ca,omitempty"`
	Subject     string     `json:"subject,omitempty"`
	SHA256      string     `json:"sha256"` // of the certificate's DER, lower hex
	NotBefore   *time.Time `json:"not_before,omitempty"`
	NotAfter    *time.Time `json:"not_after,omitempty"`
}

// describe fills in what the certificate says of itself; cert is nil for one so odd that it
// cannot be read back.
func (m *made) describe(der []byte, cert *x509.Certificate) {
	sum := sha256.Sum256(der)
	m.SHA256 = hex.EncodeToString(sum[:])
	if cert != nil {
		m.Subject, m.NotBefore, m.NotAfter = cert.Subject.String(), &cert.NotBefore, &cert.NotAfter
	}
}

// print tells what was made, in JSON or for people.
func (m *made) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(w, m)
	}
	life := "with dates that cannot be read"
	if m.NotBefore != nil {
		life = fmt.Sprintf("valid from %s to %s",
			m.NotBefore.Format(time.DateOnly), m.NotAfter.Format(time.DateOnly))
	}
	_, err := fmt.Fprintf(w, "%s\n%s\n%s, SHA-256 %s\n", m.Certificate, m.Key, life, m.SHA256)
	return err
}

// loadLabCA reads the CA in dir.
func loadLabCA(dir string) (*lab.CA, error) {
	certPEM, err := readInput(filepath.Join(dir, caFile), nil)
	if err != nil {
		return nil, noCA(dir, err)
	}
	keyPEM, err := readInput(filepath.Join(dir, caKeyFile), nil)
	if err != nil {
		return nil, noCA(dir, err)
	}
	ca, err := lab.LoadCA(certPEM, keyPEM)
	if err != nil {
		return nil, exitf(exitUnreadable, "%s: %w", dir, err)
	}
	return ca, nil
}

// loadIssuers reads the CA in dir and, where its key is there too, the root above it.
func loadIssuers(dir string) ([]*lab.CA, error) {
	ca, err := loadLabCA(dir)
	if err != nil {
		return nil, err
	}
	key, err := readInput(filepath.Join(dir, rootKeyFile), nil)
	if errors.Is(err, fs.ErrNotExist) {
		return []*lab.CA{ca}, nil
	} else if err != nil {
		return nil, err
	}
	root, err := ca.LoadRoot(key)
	if err != nil {
		return nil, exitf(exitUnreadable, "%s: %w", filepath.Join(dir, rootKeyFile), err)
	}
	return []*lab.CA{ca, root}, nil
}

// noCA adds what to do to the error of reading a CA, and keeps its code.
func noCA(dir string, err error) error {
	coded := &exitError{code: exitUnreadable}
	errors.As(err, &coded)
	return exitf(coded.code, "%w; make a CA with `gatehouse pki ca %s`", err, shellWord(dir))
}
