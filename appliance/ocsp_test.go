package appliance_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/revocation"
	"gatehouse/webui"
)

// A responder answers OCSP requests over HTTP at 127.0.0.1, by the site's clock.
type responder struct {
	s       *site
	server  *httptest.Server
	revoked lab.Revocations // by the CAs whose options name no other

	mu     sync.Mutex // guards what follows
	routes map[string]http.HandlerFunc
	asked  map[string]int // by route
}

// newOCSPSite is a site that validates good standing, with a responder that says good of all
// that s.ca has issued. rules are further keys of the CA's revocation.
func newOCSPSite(t testing.TB, rules string) (*site, *responder) {
	t.Helper()
	s := newSite(t)
	s.write("policy.yaml", "eap: {reject_delay: 500ms}\n")
	s.write("ca/acme.yaml", "revocation: {allow_addresses: [127.0.0.1/32]"+rules+"}\n")
	r := s.newResponder()
	s.ocsp = []string{r.serve("good", s.ca, lab.ResponderOptions{Revocations: &r.revoked})}
	return s, r
}

func (s *site) newResponder() *responder {
	s.t.Helper()
	r := &responder{s: s, routes: map[string]http.HandlerFunc{}, asked: map[string]int{}}
	r.server = httptest.NewServer(r)
	s.t.Cleanup(r.kill)
	return r
}

// ServeHTTP hands a request to the route that its path begins with.
func (r *responder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	name, _, _ := strings.Cut(strings.TrimPrefix(request.URL.Path, "/"), "/")
	r.mu.Lock()
	r.asked[name]++
	route := r.routes[name]
	r.mu.Unlock()
	if route == nil {
		http.NotFound(w, request)
		return
	}
	route(w, request)
}

// count returns how many requests came for a route.
func (r *responder) count(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked[name]
}

// handle has route answer below name, and returns the address to ask there.
func (r *responder) handle(name string, route http.HandlerFunc) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.routes[name] = route
	return r.server.URL + "/" + name
}

// serve answers for ca below name, and returns the address to ask there.
func (r *responder) serve(name string, ca *lab.CA, o lab.ResponderOptions) string {
	r.s.t.Helper()
	return r.handle(name, r.answer(name, ca, o))
}

func (r *responder) answer(name string, ca *lab.CA, o lab.ResponderOptions) http.HandlerFunc {
	r.s.t.Helper()
	answers := must(lab.NewResponder(ca, o))(r.s.t)
	return func(w http.ResponseWriter, request *http.Request) {
		der, err := ocspRequest(request, "/"+name+"/")
		if err == nil {
			der, err = answers.Respond(der, r.s.clock.Now())
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/ocsp-response")
		_, _ = w.Write(der) // who has gone away needs no answer
	}
}

// ocspRequest reads a request by GET, behind prefix, or by POST.
func ocspRequest(request *http.Request, prefix string) ([]byte, error) {
	if request.Method == http.MethodPost {
		return io.ReadAll(request.Body)
	}
	text, err := url.PathUnescape(strings.TrimPrefix(request.URL.EscapedPath(), prefix))
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(text)
}

// kill makes nobody listen any more.
func (r *responder) kill() {
	r.server.CloseClientConnections()
	r.server.Close()
}

// revoke says of the certificate that it is revoked, from now on.
func (r *responder) revoke(leaf *lab.Leaf) {
	r.revoked.Revoke(lab.Revocation{
		Serial: leaf.Serial, At: r.s.clock.Now(), Reason: lab.KeyCompromise,
	})
}

// passFault lets the few seconds pass in which a failure to get an answer is the answer.
func (s *site) passFault() { s.clock.move(6 * time.Second) }

// standing reports how revocation is doing.
func (s *site) standing() webui.Revocation { return s.appliance.Status().Revocation }

// forget purges what is known of a CA's certificates, as a person would.
func (s *site) forget(p revocation.Purge) int {
	s.t.Helper()
	return must(s.appliance.Forget(p))(s.t)
}

// wantOCSP compares what a decision says of the certificate's standing.
func (s *site) wantOCSP(d decision, status, source string) {
	s.t.Helper()
	if d.OCSP != status || d.OCSPSource != source {
		s.t.Errorf("got ocsp %q from %q (%s), want %q from %q", d.OCSP, d.OCSPSource, d.Detail, status, source)
	}
}
