package revocation_test

import (
	"context"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/pki"
	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/revocation"
	"gatehouse/authcore/snapshot"
)

// A site is a Source with all around it: a CA with an intermediate, a responder and a server of
// lists for both, a clock that the test moves, and caches that outlive the Source.
type site struct {
	testing.TB
	root, inter    *lab.CA
	ocsp           *peer
	revoked        *lab.Revocations
	answers, lists *cacheSpy
	holder         *snapshot.Holder
	source         *revocation.Source
	fetcher        *revocation.Fetcher
	config         revocation.Config
	policy         policy.Policy
	cas            []*snapshot.CA
	credentials    []*pki.Credential

	mu        sync.Mutex // guards what follows
	now       time.Time
	unsure    bool
	withdrawn []revocation.Withdrawal
	hints     []string
}

// newSite makes one; adjust changes the rules of the CA before they go into force.
func newSite(t testing.TB, adjust func(*policy.Revocation)) *site {
	t.Helper()
	f := codecPKI()
	s := &site{
		TB: t, root: f.root, inter: f.ca, answers: &cacheSpy{}, lists: &cacheSpy{},
		holder: &snapshot.Holder{}, now: codecNow, revoked: &lab.Revocations{}, policy: policy.Default(),
	}
	s.ocsp = newPeer(s)
	s.answer(lab.ResponderOptions{Revocations: s.revoked})
	s.policy.Revocation.AllowAddresses = []string{"127.0.0.0/8"}
	if adjust != nil {
		adjust(&s.policy.Revocation)
	}
	server, err := f.root.IssueServer(lab.ServerOptions{
		Options: lab.Options{Now: codecNow, OCSP: []string{s.ocsp.url}}, DNSNames: []string{"radius.example.org"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.credentials = []*pki.Credential{{Name: "server", TLS: server.TLS()}}
	s.addCA("acme", f.root, f.ca)
	s.publish()
	s.restart()
	return s
}

// addCA trusts a CA; publish puts it in force.
func (s *site) addCA(name string, anchor *lab.CA, intermediates ...*lab.CA) *snapshot.CA {
	ca := &pki.CA{Name: name, Anchors: append(ca509(nil), anchor.Certificate)}
	for _, i := range intermediates {
		ca.Intermediates = append(ca.Intermediates, i.Certificate)
	}
	added := &snapshot.CA{CA: ca, Revocation: s.policy.Revocation}
	s.cas = append(s.cas, added)
	return added
}

// publish puts the configuration in force.
func (s *site) publish() *snapshot.Snapshot {
	s.Helper()
	users, err := identity.NewMemory(nil)
	if err != nil {
		s.Fatal(err)
	}
	draft := &snapshot.Draft{
		Policy: s.policy, Users: users, Credentials: s.credentials,
		Servers: []*policy.Server{{Name: "wifi", Method: policy.Passwordless, CAs: []string{s.cas[0].Name}}},
	}
	for _, ca := range s.cas {
		own := *ca
		draft.CAs = append(draft.CAs, &own)
	}
	sn, err := draft.Seal(1)
	if err != nil {
		s.Fatal(err)
	}
	s.holder.Swap(sn)
	if s.source != nil {
		s.source.Reconfigured()
	}
	return sn
}

// restart makes a new Source over what the old one left behind, as after kill -9.
func (s *site) restart() {
	s.fetcher = revocation.NewFetcher(revocation.FetchConfig{
		Now:   func() time.Time { return s.moment().Now },
		Proxy: func(*http.Request) (*url.URL, error) { return nil, nil },
	})
	s.Cleanup(s.fetcher.CloseIdle)
	s.config.Snapshots, s.config.Fetcher, s.config.Clock = s.holder, s.fetcher, s.moment
	s.config.Logger = slog.New(slog.NewTextHandler(s.Output(), nil))
	s.config.Answers, s.config.Lists = s.answers, s.lists
	s.config.OnWithdrawal = func(w revocation.Withdrawal) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.withdrawn = append(s.withdrawn, w)
	}
	s.config.Hint = func(source string, _ time.Time) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.hints = append(s.hints, source)
	}
	s.source = revocation.NewSource(s.config)
	// End what asks: a Source whose Run ends asks nobody any more.
	source := s.source
	s.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := source.Run(ctx); err != nil {
			s.Error(err)
		}
	})
}

// run runs the Source until stop is called, or the test ends.
func (s *site) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	source := s.source
	go func() {
		defer close(done)
		if err := source.Run(ctx); err != nil {
			s.Error(err)
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	s.Cleanup(stop)
	return stop
}

func (s *site) moment() revocation.Moment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return revocation.Moment{Now: s.now, Sure: !s.unsure}
}

// move moves the clock, and lets Run see it.
func (s *site) move(d time.Duration) {
	s.mu.Lock()
	s.now = s.now.Add(d)
	s.mu.Unlock()
	s.source.Tick()
}

func (s *site) doubt(unsure bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsure = unsure
}

func (s *site) withdrawals() []revocation.Withdrawal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]revocation.Withdrawal(nil), s.withdrawn...)
}

// A person is a certificate with its path, by a CA of the site.
type person struct {
	*lab.Leaf
	path pki.Path
}

// enrol issues a certificate below the intermediate that names the site's responder.
func (s *site) enrol() person { return s.enrolBy(s.inter, lab.Options{OCSP: []string{s.ocsp.url}}) }

func (s *site) enrolBy(ca *lab.CA, o lab.Options) person {
	s.Helper()
	o.Now = codecNow
	leaf, err := ca.IssueUser(lab.UserOptions{Options: o, Identity: "a@example.org"})
	if err != nil {
		s.Fatal(err)
	}
	chain := append(leaf.Presented(), ca.Root)
	p := person{leaf, pki.Path{Certificates: chain}}
	for _, c := range s.cas {
		if c.Anchors[0].Equal(ca.Root) {
			p.path.CA = c.CA
		}
	}
	return p
}

func (s *site) query(p person) revocation.Query {
	return revocation.Query{
		Path: p.path, Rules: s.holder.Load().CA(p.path.CA.Name).Revocation, At: s.moment(),
	}
}

// standing asks until there is an answer, as a conversation does.
func (s *site) standing(p person) revocation.Standing {
	s.Helper()
	for range 20 {
		standing, woken, ready := s.once(p)
		if ready {
			return standing
		}
		select {
		case <-woken:
		case <-time.After(20 * time.Second):
			s.Fatal("nobody was woken")
		}
	}
	s.Fatal("never ready")
	return revocation.Standing{}
}

// once asks once; woken is closed by Wake, which may be called once.
func (s *site) once(p person) (standing revocation.Standing, woken chan struct{}, ready bool) {
	q := s.query(p)
	woken = make(chan struct{})
	q.Wake = func() { close(woken) } // panics if called twice
	standing, ready = s.source.Standing(q)
	return standing, woken, ready
}

// admit asks, expects to be accepted, and tells so.
func (s *site) admit(p person, user string) revocation.Standing {
	s.Helper()
	got := s.standing(p)
	if !got.Acceptable {
		s.Fatalf("got %+v, want it acceptable", got)
	}
	s.source.Accepted(s.query(p), revocation.Session{Time: s.moment().Now, User: user, Station: "02-00-00-00-00-01"})
	return got
}

// expect compares a standing: "good cache", or a reason such as "cert_revoked".
func (s *site) expect(p person, want string) revocation.Standing {
	s.Helper()
	got := s.standing(p)
	words := strings.TrimSpace(got.Status + " " + got.Source)
	if !got.Acceptable {
		words = string(got.Reason)
	}
	if words != want || got.Detail == "" {
		s.Errorf("got %q (%+v), want %q", words, got, want)
	}
	return got
}

// requests expects how often the responder was asked since the last time of asking.
func (s *site) requests(want int) {
	s.Helper()
	if got := s.ocsp.asked.Swap(0); int(got) != want {
		s.Errorf("got %d requests to the responder, want %d", got, want)
	}
}

// settled waits until nobody is being asked.
func (s *site) settled() {
	s.Helper()
	eventually(s, "for those who ask", func() bool { return s.source.Report().Asking == 0 })
}

// answer makes the responder answer for root and intermediate as o says.
func (s *site) answer(o lab.ResponderOptions) {
	s.Helper()
	s.ocsp.serve(responder(s, s.inter, o), responder(s, s.root, lab.ResponderOptions{Revocations: o.Revocations}))
}

func responder(t testing.TB, ca *lab.CA, o lab.ResponderOptions) *lab.Responder {
	t.Helper()
	r, err := lab.NewResponder(ca, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A peer is an HTTP server that answers OCSP requests, or whatever the test wants.
type peer struct {
	site   *site
	url    string
	asked  atomic.Int64
	answer atomic.Pointer[http.HandlerFunc]
	over   chan struct{} // closed when the test ends: those who hang go then
}

func newPeer(s *site) *peer {
	p := &peer{site: s, over: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		(*p.answer.Load())(w, r)
	}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.Cleanup(server.Close)
	s.Cleanup(func() { close(p.over) })
	p.url = server.URL
	p.fail()
	return p
}

func (p *peer) handle(fn http.HandlerFunc) { p.answer.Store(&fn) }

// fail closes every connection.
func (p *peer) fail() {
	p.handle(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
}

// hang takes requests and never answers.
func (p *peer) hang() {
	p.handle(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-p.over:
		case <-r.Context().Done():
		}
	})
}

// serve answers OCSP requests.
func (p *peer) serve(all ...*lab.Responder) {
	p.handle(func(w http.ResponseWriter, r *http.Request) {
		request, err := readRequest(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		reply, err := lab.Responders(all).Answer(request, p.site.moment().Now)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/ocsp-response")
		_, _ = w.Write(reply.DER)
	})
}

// after lets each request wait until the channel is closed.
func (p *peer) after(open <-chan struct{}) {
	next := *p.answer.Load()
	p.handle(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-open:
			next(w, r)
		case <-p.over:
		}
	})
}

func readRequest(r *http.Request) ([]byte, error) {
	if r.Method == http.MethodPost {
		return io.ReadAll(r.Body)
	}
	text, err := url.PathUnescape(strings.TrimPrefix(r.URL.EscapedPath(), "/"))
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(text)
}
