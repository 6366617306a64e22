package pki_test

import (
	"bytes"
	"crypto/ecdsa"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"gatehouse/authcore/pki"
	"gatehouse/authcore/pki/lab"
)

// TestCredentialKeepsItsKey prints a credential in every way that somebody might.
func TestCredentialKeepsItsKey(t *testing.T) {
	t.Parallel()
	ca, err := lab.NewCA(lab.CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	server, err := ca.IssueServer(lab.ServerOptions{DNSNames: []string{"radius.example"}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := pki.NewCredential("main", server.CertificatePEM(), server.KeyPEM())
	if err != nil {
		t.Fatal(err)
	}
	key, ok := c.TLS.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		t.Fatalf("got a key of type %T", c.TLS.PrivateKey)
	}
	raw, err := key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "pointer", c, "value", *c)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "pointer", c, "value", *c)
	log.WriteString(fmt.Sprintf("%v %+v %#v %s %v %+v %#v", c, c, c, c, *c, *c, *c))
	for _, form := range []string{new(big.Int).SetBytes(raw).String(), fmt.Sprintf("%x", raw), fmt.Sprint(raw)} {
		if strings.Contains(log.String(), form) {
			t.Errorf("the private key is in %s", log.String())
		}
	}
	if n := strings.Count(log.String(), "credential main [key redacted]"); n != 11 {
		t.Errorf("got %d times the name, want 11: %s", n, log.String())
	}
}
