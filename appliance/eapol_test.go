package appliance_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
)

// A station is one eapol_test: wpa_supplicant's EAP peer and a NAS in one program.
type station struct {
	leaf      *lab.Leaf // nil: certFile and keyFile are used
	certFile  string
	keyFile   string
	serverCA  []byte            // nil: the site's
	settings  map[string]string // further lines of the network block
	phase1    string
	args      []string
	env       []string
	port      int // 0: the site's
	noTLS13   bool
	identity  string
	shortWait bool // the client is not expected to finish
}

// peerProgram returns the path of a real peer, or ends the test: by a skip that says what is
// missing, with CI=true by failure.
func peerProgram(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed; testdata/peers/install.sh installs it", name)
	}
	t.Skipf("%s is not installed; testdata/peers/install.sh installs it", name)
	return ""
}

// eapol runs one eapol_test and returns whether it was satisfied, and what it printed.
func (s *site) eapol(st station) (ok bool, output string) {
	s.t.Helper()
	program := peerProgram(s.t, "eapol_test")
	dir := s.t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			s.t.Fatal(err)
		}
		return path
	}
	if st.leaf != nil {
		st.certFile = file("user.pem", st.leaf.CertificatePEM())
		st.keyFile = file("user-key.pem", st.leaf.KeyPEM())
	}
	if st.serverCA == nil {
		st.serverCA = s.serverCA.CertificatePEM()
	}
	if st.identity == "" {
		st.identity = "anonymous@acme.example"
	}
	disable13 := "0"
	if st.noTLS13 {
		disable13 = "1"
	}
	lines := []string{
		"key_mgmt=WPA-EAP", "eap=TLS", "identity=" + strconv.Quote(st.identity),
		"ca_cert=" + strconv.Quote(file("ca.pem", st.serverCA)),
		fmt.Sprintf("phase1=%q", strings.TrimSpace("tls_disable_tlsv1_3="+disable13+" "+st.phase1)),
		"client_cert=" + strconv.Quote(st.certFile), "private_key=" + strconv.Quote(st.keyFile),
	}
	for key, value := range st.settings {
		lines = append(lines, key+"="+value)
	}
	conf := file("eapol.conf", []byte("network={\n  "+strings.Join(lines, "\n  ")+"\n}\n"))
	port := st.port
	if port == 0 {
		port = s.port
	}
	wait := "10"
	if st.shortWait {
		wait = "1"
	}
	args := append([]string{"-c", conf, "-a", "127.0.0.1", "-p", strconv.Itoa(port),
		"-s", sharedSecret, "-t", wait}, st.args...)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), st.env...)
	out, err := cmd.CombinedOutput()
	return err == nil, string(out)
}

// accept demands that st gets in, with keys, and returns the decision.
func (s *site) accept(st station) decision {
	s.t.Helper()
	ok, output := s.eapol(st)
	d := s.decision()
	if !ok || !strings.Contains(output, "MPPE keys OK: 1") || d.Result != "accept" {
		s.t.Fatalf("eapol_test: ok %v, decision %+v; want accept\n%s", ok, d, tail(output))
	}
	return d
}

// reject demands that st is refused for reason, and that a good client gets in right after.
func (s *site) reject(st station, reason string) decision {
	s.t.Helper()
	ok, output := s.eapol(st)
	d := s.decision()
	if ok || d.Result != "reject" || d.Reason != reason {
		s.t.Fatalf("eapol_test: ok %v, decision %+v; want reject for %s\n%s", ok, d, reason, tail(output))
	}
	s.accept(s.alice())
	return d
}

// alice is a good client.
func (s *site) alice() station {
	s.t.Helper()
	return station{leaf: s.user(lab.UserOptions{})}
}

// user issues a certificate for alice, or for whomever o names.
func (s *site) user(o lab.UserOptions) *lab.Leaf {
	s.t.Helper()
	if o.Identity == "" {
		o.Identity = "alice@acme.example"
	}
	if o.OCSP == nil {
		o.OCSP = s.ocsp
	}
	return must(s.ca.IssueUser(o))(s.t)
}

func tail(output string) string {
	lines := strings.Split(output, "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
