package revocation

import (
	"crypto/tls"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"
)

// A fetchTrace follows a request through its stages. With a redirect or a second try it tells
// of the last one. Its hooks are called from goroutines of net/http, also late ones.
type fetchTrace struct {
	mu     sync.Mutex // guards what follows
	host   string     // whom we connect to; the proxy, if there is one
	proxy  bool
	method string
	stage  Stage // the one being run; StageAddress: none yet
	began  time.Time
	steps  [numStages]Step
	over   bool // nothing changes any more
}

// hooks returns the callbacks that fill the trace.
func (t *fetchTrace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:  t.connecting,
		DNSStart: func(httptrace.DNSStartInfo) { t.enter(StageDNS) },
		DNSDone: func(i httptrace.DNSDoneInfo) {
			if i.Err == nil {
				t.leave(StageDNS, addresses(i))
			}
		},
		ConnectStart: func(string, string) { t.enter(StageTCP) },
		ConnectDone: func(_, addr string, err error) {
			if err == nil {
				t.leave(StageTCP, addr)
			}
		},
		TLSHandshakeStart: func() { t.enter(StageTLS) },
		TLSHandshakeDone: func(s tls.ConnectionState, err error) {
			if err == nil {
				t.leave(StageTLS, tls.VersionName(s.Version))
			}
		},
		GotConn: func(httptrace.GotConnInfo) { t.enter(StageHTTP) },
	}
}

// addresses lists what a name resolved to, a few of them.
func addresses(i httptrace.DNSDoneInfo) string {
	const shown = 4
	var words []string
	for n, a := range i.Addrs {
		if n == shown {
			words = append(words, "…")
			break
		}
		words = append(words, a.String())
	}
	return strings.Join(words, " ")
}

// begin notes what is asked next.
func (t *fetchTrace) begin(method string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.method, t.host, t.proxy = method, "", false
}

// behindProxy says whether the connection of the next hop is one to a proxy.
func (t *fetchTrace) behindProxy(proxy bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.proxy = proxy
}

// connecting begins a hop: a request, a redirect, a second try.
func (t *fetchTrace) connecting(hostPort string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return
	}
	t.host = strings.TrimSuffix(strings.TrimSuffix(hostPort, ":80"), ":443")
	t.stage, t.began, t.steps = StageAddress, time.Now(), [numStages]Step{}
}

// enter begins a stage. The stages only go forward: several addresses of one name are one
// stage, and a connection that was made for nothing in the end says no more.
func (t *fetchTrace) enter(s Stage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over || s <= t.stage {
		return
	}
	t.stage = s
	if s != StageBody { // which counts as HTTP's time
		t.began = time.Now()
	}
}

// leave ends a stage that went well.
func (t *fetchTrace) leave(s Stage, detail string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over && t.stage == s {
		t.steps[s] = Step{State: StepOK, Took: time.Since(t.began), Detail: clip(detail)}
	}
}

// progress returns the stage being run and what it does, as the start of a sentence.
func (t *fetchTrace) progress() (Stage, string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	host := clip(t.host)
	if host == "" { // it did not come to that
		host = "the responder"
	}
	if t.proxy {
		host = "the proxy " + host
	}
	switch t.stage {
	case StageDNS:
		return StageDNS, "looking up " + host
	case StageTLS:
		return StageTLS, "setting up TLS with " + host
	case StageHTTP:
		return StageHTTP, "asking " + host
	case StageBody:
		return StageBody, "reading the answer of " + host
	default: // also while waiting for one of the few connections to that host
		return StageTCP, "connecting to " + host
	}
}

// finish ends the trace and returns its steps. Err is nil or a *FetchError.
func (t *fetchTrace) finish(err error) Steps {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	failed, ok := err.(*FetchError)
	switch {
	case ok:
		stage := min(failed.Stage, StageHTTP)
		t.steps[stage] = Step{State: StepFailed, Detail: failed.Detail}
		if !t.began.IsZero() {
			t.steps[stage].Took = time.Since(t.began)
		}
	default:
		t.steps[StageHTTP] = Step{State: StepOK, Took: time.Since(t.began), Detail: t.method}
	}
	return Steps{
		Method: t.method, Err: err,
		DNS: t.steps[StageDNS], TCP: t.steps[StageTCP],
		TLS: t.steps[StageTLS], HTTP: t.steps[StageHTTP],
	}
}
