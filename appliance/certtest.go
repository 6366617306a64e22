package appliance

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"gatehouse/authcore"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/pki"
	"gatehouse/authcore/revocation"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/load"
	"gatehouse/webui"
)

// A CertTest is the answer to "would this certificate be accepted there?".
type CertTest = webui.CertTest

// Errors of TestCertificate, besides those of reading the certificate.
var (
	ErrNoConfiguration = errors.New("the configuration has nothing that could go live")
	ErrNoServer        = errors.New("no such RADIUS server")
)

// TestCertificate decides by the configuration in fsys whether the chain in data (PEM, leaf
// first, or one certificate in DER) opens the named RADIUS server, or each of them if server is
// empty. It is the decision of the running process, without proof of possession and without
// effect. Errors: ErrNoConfiguration, ErrNoServer, or what is wrong with data.
func TestCertificate(fsys fs.FS, data []byte, server string, now time.Time) ([]CertTest, error) {
	chain, err := parseChain(data)
	if err != nil {
		return nil, err
	}
	sample, _, err := OpenSample(fsys, load.Options{Now: now})
	if err != nil {
		return nil, err
	}
	return testChain(sample.decider, sample.snapshot, chain, server)
}

// testChain asks decider about chain at the named server, or at each that sn has.
func testChain(decider *authcore.Decider, sn *snapshot.Snapshot, chain []*x509.Certificate, server string) ([]CertTest, error) {
	names := sn.ServerNames()
	if server != "" {
		if sn.Server(server) == nil {
			return nil, fmt.Errorf("%w: %q", ErrNoServer, server)
		}
		names = []string{server}
	}
	tests := make([]CertTest, 0, len(names))
	for _, name := range names {
		tests = append(tests, certTest(evaluate(decider, authcore.Query{Server: name, Chain: chain})))
	}
	return tests, nil
}

// maxPending is how long a person waits for a decision that must wait itself.
const maxPending = 10 * time.Second

// evaluate waits for a decision; one that takes too long is what it was when time was up.
func evaluate(decider *authcore.Decider, q authcore.Query) authcore.Decision {
	timeout := time.NewTimer(maxPending)
	defer timeout.Stop()
	woken := make(chan struct{}, 1)
	q.Wake = func() {
		select {
		case woken <- struct{}{}:
		default: // it is awake
		}
	}
	for {
		d := decider.Evaluate(q)
		if !d.Pending {
			return d
		}
		select {
		case <-woken:
		case <-timeout.C:
			d.Reason, d.Detail = audit.OCSPUnavailable, "no answer within "+maxPending.String()
			return d
		}
	}
}

func parseChain(data []byte) ([]*x509.Certificate, error) {
	if !bytes.Contains(data, []byte("-----BEGIN")) {
		certificate, err := x509.ParseCertificate(data)
		if err != nil {
			return nil, fmt.Errorf("reading the certificate: neither PEM nor DER: %w", err)
		}
		return []*x509.Certificate{certificate}, nil
	}
	return pki.ParseCertificates(data)
}

func certTest(d authcore.Decision) CertTest {
	explanation, _ := audit.Explain(d.Reason)
	t := CertTest{
		Server: d.Server, Result: d.Result, Reason: d.Reason, Detail: d.Detail,
		Sentence: explanation.Sentence, NextStep: explanation.NextStep,
		CA: d.CA, CertSHA256: d.CertSHA256, VLAN: d.Outcome.VLAN, Ladder: d.Ladder,
		OCSP: d.Standing.Status, OCSPSource: d.Standing.Source, OCSPAge: int64(d.Standing.Age / time.Second),
		Standing: revocation.Tell(d.Standing.Status, d.Standing.Source, d.Standing.Age),
	}
	if d.User != nil {
		t.User = audit.Printable(d.User.Username)
	}
	return t
}
