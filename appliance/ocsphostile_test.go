package appliance_test

import (
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
)

// endless writes until nobody reads any more, or bytes have been written.
func endless(w io.Writer, bytes int) {
	block := []byte(strings.Repeat("0", 64<<10))
	for written := 0; bytes == 0 || written < bytes; written += len(block) {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// raw answers with bytes of its own, below HTTP.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return // the client is gone
		}
		_, _ = io.WriteString(conn, text) // likewise
		_ = conn.Close()
	}
}

// A hostileCase is a responder that gives a device no good standing.
type hostileCase struct {
	name           string
	route          http.HandlerFunc // nil: answers, made odd
	odd            lab.Oddities
	reason, detail string
}

// TestHostileResponders turns a device away whose responder misbehaves; a good one gets in right
// after, each time.
func TestHostileResponders(t *testing.T) {
	t.Parallel()
	s, r := newOCSPSite(t, "")
	stranger := must(lab.NewCA(lab.CAOptions{Name: "Stranger CA"}))(t)
	elsewhere := s.newResponder() // which may not be asked
	to := func(url string) http.HandlerFunc {
		return func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, url, http.StatusFound) }
	}
	s.start()
	const unavailable, unauthorized = "ocsp_unavailable", "ocsp_unauthorized"
	tests := []hostileCase{
		{"ten_megabytes", func(w http.ResponseWriter, _ *http.Request) { endless(w, 10<<20) },
			lab.Oddities{}, unavailable, "more than 64 KiB"},
		{"endless_body", func(w http.ResponseWriter, _ *http.Request) { endless(w, 0) },
			lab.Oddities{}, unavailable, "more than 64 KiB"},
		{"endless_head", raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("o", 1<<20)),
			lab.Oddities{}, unavailable, "asking 127.0.0.1"},
		{"redirect_loop", to(r.server.URL + "/redirect_loop"), lab.Oddities{}, unavailable, "more than once"},
		{"redirect_to_loopback", to(strings.Replace(elsewhere.server.URL, "127.0.0.1", "127.0.0.2", 1)),
			lab.Oddities{}, unavailable, "loopback"},
		{"redirect_to_loopback_6", to(strings.Replace(elsewhere.server.URL, "127.0.0.1", "[::1]", 1)),
			lab.Oddities{}, unavailable, "loopback"},
		{"redirect_to_link_local", to("http://169.254.169.254/latest/meta-data/"),
			lab.Oddities{}, unavailable, "link-local"},
		{"redirect_to_a_file", to("file:///etc/passwd"), lab.Oddities{}, unavailable, "only http and https"},
		{"garbage", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "garbage") },
			lab.Oddities{}, unavailable, "malformed"},
		{"not_http", raw("SSH-2.0-OpenSSH_9.2\r\n"), lab.Oddities{}, unavailable, "malformed HTTP"},
		{"nothing", raw(""), lab.Oddities{}, unavailable, "asking 127.0.0.1"},
		{"error_500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, lab.Oddities{}, unavailable, "500"},
		{"future", nil, lab.Oddities{Age: -time.Hour}, "ocsp_stale", "future"},
		{"stale", nil, lab.Oddities{Age: 3 * time.Hour}, "ocsp_stale", "expired"},
		{"old_without_end", nil, lab.Oddities{Age: 30 * time.Hour, NoNextUpdate: true}, "ocsp_stale", "expired"},
		{"wrong_signature", nil, lab.Oddities{Damaged: true}, unauthorized, "does not verify"},
		{"other_serial", nil, lab.Oddities{Serial: big.NewInt(7)}, unauthorized, "certificate"},
		{"right_serial_of_another_issuer", nil, lab.Oddities{Issuer: stranger.Certificate},
			unauthorized, "another CA's certificate"},
		{"critical_extension", nil, lab.Oddities{Critical: true}, unavailable, "not supported"},
		{"try_later", nil, lab.Oddities{Response: lab.TryLater}, unavailable, "tryLater"},
		{"internal_error", nil, lab.Oddities{Response: lab.InternalError}, unavailable, "internalError"},
		{"unauthorized", nil, lab.Oddities{Response: lab.Unauthorized}, unavailable, "unauthorized"},
	}
	for _, tt := range tests {
		if tt.route == nil {
			tt.route = r.answer(tt.name, s.ca, lab.ResponderOptions{Odd: tt.odd})
		}
		st := station{leaf: s.user(lab.UserOptions{Options: lab.Options{OCSP: []string{r.handle(tt.name, tt.route)}}})}
		d := s.reject(st, tt.reason)
		if !strings.Contains(d.Detail, tt.detail) {
			t.Errorf("%s: got detail %q, want %q in it", tt.name, d.Detail, tt.detail)
		}
		s.wantOCSP(d, "none", "")
		if r.count(tt.name) == 0 {
			t.Errorf("%s was not asked", tt.name)
		}
	}
	if n := elsewhere.count(""); n > 0 {
		t.Errorf("%d requests went where a redirect pointed on this machine", n)
	}
}

// TestOC9OwnAddressesAreNotAsked turns a device away whose certificate names an address of the
// gateway's own as its responder, and asks nobody.
func TestOC9OwnAddressesAreNotAsked(t *testing.T) {
	t.Parallel()
	s, r := newOCSPSite(t, "")
	s.start()
	port := r.server.Listener.Addr().String()
	port = port[strings.LastIndex(port, ":"):]
	for url, detail := range map[string]string{
		"http://127.0.0.2" + port + "/own": "loopback",
		"http://[::1]" + port + "/own":     "loopback",
		"http://[::ffff:127.0.0.2]" + port: "loopback",
		"http://0.0.0.0" + port + "/own":   "",
		"http://169.254.169.254/":          "link-local",
		"ldap://ldap.acme.example/":        "only http and https",
	} {
		d := s.reject(station{leaf: s.user(lab.UserOptions{Options: lab.Options{OCSP: []string{url}}})}, "ocsp_unavailable")
		if !strings.Contains(d.Detail, detail) {
			t.Errorf("%s: got detail %q, want %q in it", url, d.Detail, detail)
		}
	}
	if n := r.count("own") + r.count(""); n > 0 {
		t.Errorf("our own address was asked %d times", n)
	}
}

// TestOC15NoResponder goes by the CA's rule for a certificate that names no responder.
func TestOC15NoResponder(t *testing.T) {
	t.Parallel()
	for rule, reason := range map[string]string{
		"": "ocsp_no_responder", ", no_responder: allow": "accepted", ", no_responder: responder": "accepted",
	} {
		s, r := newOCSPSite(t, "")
		s.write("ca/acme.yaml", "revocation: {allow_addresses: [127.0.0.1/32], responder: \""+s.ocsp[0]+"\""+rule+"}\n")
		s.start()
		silent := station{leaf: s.user(lab.UserOptions{Options: lab.Options{OCSP: []string{}}})}
		if reason != "accepted" {
			s.reject(silent, reason)
			continue
		}
		d := s.accept(silent)
		if want := map[bool]string{true: "good", false: "none"}[strings.Contains(rule, "responder: r")]; d.OCSP != want {
			t.Errorf("%q: got %+v, want ocsp %q", rule, d, want)
		}
		if n := r.count("good"); (n > 0) != (d.OCSP == "good") {
			t.Errorf("%q: the CA's responder was asked %d times", rule, n)
		}
	}
}
