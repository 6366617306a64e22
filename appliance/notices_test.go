package appliance_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
)

// TestNoticesOfTheWhole puts a CA that ends in five days into a running gateway: webhook, log,
// status and metrics tell.
func TestNoticesOfTheWhole(t *testing.T) {
	t.Parallel()
	posted := make(chan string, 8)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		posted <- string(body)
	}))
	defer hook.Close()
	s := newSite(t)
	s.boot.Node.ID, s.boot.Node.URL = "oslo-1", "https://oslo-1.example:8443"
	s.start()
	now := time.Now()
	old := must(lab.NewCA(lab.CAOptions{Name: "Old CA", Options: lab.Options{
		NotBefore: now.Add(-300 * 24 * time.Hour), NotAfter: now.Add(5*24*time.Hour + time.Hour)}}))(t)
	s.write("ca/old.pem", string(old.CertificatePEM()))
	s.write("policy.yaml", "revocation: {ocsp: off}\nnotices: {webhook: \""+hook.URL+"/golden-secret\"}\n")
	s.appliance.Reload()
	select {
	case body := <-posted:
		if !strings.Contains(body, `"link":"https://oslo-1.example:8443/ca/old"`) || !strings.Contains(body, "in 5 days") {
			t.Errorf("posted %s", body)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nothing is posted")
	}
	s.eventually("telling the log", func() bool {
		return strings.Contains(s.log.String(), `"msg":"certificate expires","part":"notice","kind":"ca","name":"old"`)
	})
	status := s.appliance.Status()
	if len(status.Expiring) != 1 || status.Expiring[0].Name != "old" || status.Expiring[0].Days != 5 {
		t.Errorf("got expiring %+v", status.Expiring)
	}
	text := s.scrape()
	for _, want := range []string{`{kind="ca",name="acme"}`, `{kind="ca",name="old"}`, `{kind="server",name="ecdsa"}`} {
		if n := strings.Count(text, "gatehouse_certificate_not_after_seconds"+want+" "); n != 1 {
			t.Errorf("got %d metrics with %s, want 1", n, want)
		}
	}
	if strings.Contains(s.log.String(), "golden-secret") {
		t.Error("the log holds the address of the webhook")
	}
}
