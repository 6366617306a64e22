package revocation_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/revocation"

	"golang.org/x/crypto/ocsp"
)

// fetchOpenSSL serves OCSP for ca by `openssl ocsp`, for n requests. Index is its data base.
func fetchOpenSSL(t *testing.T, ca *lab.CA, index string, n int) revocation.Target {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is not installed, and CI=true")
		}
		t.Skip("openssl is not installed")
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"index.txt": []byte(index), "ca.pem": ca.CertificatePEM(), "ca.key": ca.KeyPEM(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	cmd := exec.Command(path, "ocsp", "-port", fmt.Sprint(port), "-index", "index.txt",
		"-CA", "ca.pem", "-rsigner", "ca.pem", "-rkey", "ca.key", "-ndays", "1",
		"-nrequest", fmt.Sprint(n))
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	waitListening(t, port)
	return revocation.Target{URL: fmt.Sprintf("http://127.0.0.1:%d/", port), Allow: fetchLoopback}
}

// waitListening looks into the kernel's tables: a connection without a request would send
// `openssl ocsp` into an endless loop.
func waitListening(t *testing.T, port int) {
	t.Helper()
	want := fmt.Sprintf(":%04X ", port)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
			content, err := os.ReadFile(table)
			if err != nil {
				continue // no IPv6, say
			}
			for line := range strings.Lines(string(content)) {
				f := strings.Fields(line)
				if len(f) > 3 && strings.HasSuffix(f[1]+" ", want) && f[3] == "0A" {
					return
				}
			}
		}
		<-tick.C
	}
	t.Fatalf("nobody listens on port %d", port)
}

// TestOC8LiveOpenSSL asks a responder that others wrote, by GET and by POST.
func TestOC8LiveOpenSSL(t *testing.T) {
	t.Parallel()
	ca, err := lab.NewCA(lab.CAOptions{Name: "Fetch CA"})
	if err != nil {
		t.Fatal(err)
	}
	user, err := ca.IssueUser(lab.UserOptions{Identity: "anna@acme.example"})
	if err != nil {
		t.Fatal(err)
	}
	index := fmt.Sprintf("V\t401231235959Z\t\t%X\tunknown\t/CN=anna\n", user.Certificate.SerialNumber.Bytes())
	target := fetchOpenSSL(t, ca, index, 2)
	f := newFetcher(t, revocation.FetchConfig{})
	request, err := ocsp.CreateRequest(user.Certificate, ca.Certificate, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"GET", "POST"} {
		if want == "POST" { // a longer address for the same responder
			target.URL += strings.Repeat("o", 200)
		}
		got := f.Probe(fetchContext(t), target, request)
		if got.Err != nil || got.Method != want {
			t.Fatalf("by %s: got %s, %v", want, got.Method, got.Err)
		}
		parsed, err := ocsp.ParseResponse(got.Answer, ca.Certificate)
		if err != nil || parsed.Status != ocsp.Good {
			t.Errorf("by %s: got %+v, %v, want good", want, parsed, err)
		}
	}
}
