package appliance_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/webui"
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
		if !strings.Contains(body, `"link":"https://oslo-1.example:8443/setup/ca/old"`) || !strings.Contains(body, "in 5 days") {
			t.Errorf("posted %s", body)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nothing is posted")
	}
	s.eventually("telling the log", func() bool {
		return strings.Contains(s.log.String(), `"msg":"certificate expires","part":"notice","kind":"ca","name":"old"`)
	})
	s.eventually("reporting the webhook", func() bool {
		return slices.ContainsFunc(s.appliance.Status().Notices.Channels, func(c webui.NoticeChannel) bool {
			return c.Name == "webhook" && c.Sent == 1
		})
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
	for _, want := range []string{"gatehouse_ca_not_after_seconds{name=\"old\"} ",
		"gatehouse_notices_paused 0\n", "gatehouse_notices_waiting{channel=\"webhook\"} "} {
		if !strings.Contains(text, want) {
			t.Errorf("no metric %s in\n%s", want, text)
		}
	}
	for what, told := range map[string]string{"log": s.log.String(), "metrics": text, "status": fmt.Sprintf("%+v", status)} {
		if strings.Contains(told, "golden-secret") {
			t.Errorf("%s: the address of the webhook", what)
		}
	}
}

// TestNoticesToTheOwnerOfAnApp mails what concerns the app to whom its notify names, and nothing else.
func TestNoticesToTheOwnerOfAnApp(t *testing.T) {
	t.Parallel()
	s := withApp(newSite(t))
	mails := make(chan string, 16)
	address := postOffice(t, mails)
	s.replace("saml/wiki/app.yaml", "activated: true\n", "activated: true\nnotify: [owner@acme.example]\n")
	s.write("policy.yaml", "revocation: {ocsp: off}\nnotices: {smtp: {address: \""+address+
		"\", from: gate@acme.example, to: [it@acme.example]}}\n")
	s.start()
	s.believeClock()
	end := s.app().Pairs.Pairs[0].Facts.NotAfter
	s.clock.move(end.Sub(s.clock.Now()) - 20*24*time.Hour)
	s.believeClock()
	s.write("users/more.yaml", "- {username: bob}\n") // a change has the notices looked at
	whole, owners := false, false
	for deadline := time.After(20 * time.Second); !whole || !owners; {
		select {
		case mail := <-mails:
			switch {
			case !strings.Contains(mail, "SAML certificate wiki"):
			case strings.Contains(mail, "RCPT TO:<it@acme.example>"):
				whole = true
			case strings.Contains(mail, "RCPT TO:<owner@acme.example>"):
				owners = true
				if strings.Contains(mail, "it@") || strings.Contains(mail, "RADIUS server") || strings.Contains(mail, "CA certificate") {
					t.Errorf("the owner is told what is not his business:\n%s", mail)
				}
				if !strings.Contains(mail, "Regenerate certificate: https://oslo-1.example:8443/setup/saml/wiki/do/regenerate") {
					t.Errorf("no way to mend it in\n%s", mail)
				}
			}
		case <-deadline:
			t.Fatalf("told everybody: %v, the owner: %v", whole, owners)
		}
	}
}

// postOffice takes mails, and hands them on with the commands before them.
func postOffice(t *testing.T, mails chan<- string) (address string) {
	t.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.WriteString(conn, "220 post.example\r\n")
				var said strings.Builder
				data := false
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					line := lines.Text()
					said.WriteString(strings.TrimSuffix(line, "=") + map[bool]string{false: "\n"}[strings.HasSuffix(line, "=")])
					switch {
					case data && line != ".":
						continue
					case data:
						data = false
						mails <- said.String()
					case line == "DATA":
						data = true
						_, _ = io.WriteString(conn, "354 go on\r\n")
						continue
					}
					_, _ = io.WriteString(conn, "250 OK\r\n")
				}
			}()
		}
	}()
	return l.Addr().String()
}
