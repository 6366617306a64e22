package webui

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/authcore/policy"
	"gatehouse/webui/websession"
)

// maxWrong bounds the wrong tokens that are remembered.
const maxWrong = 4096

// A gate lets programs with a token through to the API (RFC 6750), and people who are signed in.
//
// Whoever guesses has to wait, by address; what is right is not taken either meanwhile, or the
// pause would tell nothing but itself. The same wrong token again is no further guess, however
// often it is sent: a job that nobody told of a new token must not lock out its neighbours.
type gate struct {
	tokens  func() []policy.Token // nil: there are none
	entry   *entry                // nil: nobody signs in
	backoff *websession.Backoff

	mu    sync.Mutex
	wrong map[[sha256.Size]byte]struct{} // by address and token; guarded by mu
}

func newGate(tokens func() []policy.Token, e *entry) *gate {
	return &gate{tokens: tokens, entry: e, backoff: websession.NewBackoff(nil),
		wrong: map[[sha256.Size]byte]struct{}{}}
}

// A pass is what a route asks for: a scope of a token, or a role of a person.
type pass struct {
	scope policy.TokenScope
	role  policy.Role
}

// A denial is why somebody is not let through.
type denial struct {
	status    int
	text      string
	challenge string        // of WWW-Authenticate, behind the realm
	wait      time.Duration // until the next try counts; 0: none
}

// guard lets who has the pass through to next. A request with a token is that of a program,
// whatever cookie comes with it.
func (g *gate) guard(p pass, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, denied := caller{}, (*denial)(nil)
		if who, ok := g.entry.person(r); ok && len(r.Header.Values("Authorization")) == 0 {
			c.name, c.live = "account "+who.Name, func() bool { return g.entry.sessions.Live(who.Session.ID) }
			c.person = &who
			if !who.may(p.role) {
				denied = &denial{status: http.StatusForbidden, challenge: `, error="insufficient_scope"`,
					text: fmt.Sprintf("this needs the role %s; you have the role %s", p.role, who.Role)}
			}
		} else {
			c.name, denied = g.check(r, p.scope)
			c.name = "token " + c.name
		}
		if denied != nil {
			denied.write(w)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
	})
}

// check returns the name of the token that r was sent with.
func (g *gate) check(r *http.Request, scope policy.TokenScope) (string, *denial) {
	token, ok := bearer(r.Header)
	if !ok {
		return "", &denial{status: http.StatusUnauthorized,
			text: "this needs a token, sent as Authorization: Bearer"}
	}
	source := sourceOf(r)
	if wait := g.backoff.Wait(source); wait > 0 {
		return "", &denial{status: http.StatusTooManyRequests, wait: wait,
			text: "too many wrong tokens from this address: wait before the next try"}
	}
	found := g.find(sha256.Sum256([]byte(token)))
	if found == nil {
		g.failed(source, token)
		return "", &denial{status: http.StatusUnauthorized, challenge: `, error="invalid_token"`,
			text: "no such token: admins.yaml in force names it, made by gatehouse admin token"}
	}
	if !found.May(scope) {
		return "", &denial{status: http.StatusForbidden,
			challenge: fmt.Sprintf(`, error="insufficient_scope", scope="%s"`, scope),
			text:      fmt.Sprintf("the token %q lacks the scope %s", found.Name, scope)}
	}
	return found.Name, nil
}

// find looks at all tokens, for the time that takes must not tell which one is near.
func (g *gate) find(hash [sha256.Size]byte) (found *policy.Token) {
	if g.tokens == nil {
		return nil
	}
	tokens := g.tokens()
	for i := range tokens {
		if subtle.ConstantTimeCompare(tokens[i].SHA256[:], hash[:]) == 1 {
			found = &tokens[i]
		}
	}
	return found
}

// failed counts a guess against source, once.
func (g *gate) failed(source, token string) {
	key := sha256.Sum256([]byte(source + "\x00" + token))
	g.mu.Lock()
	_, again := g.wrong[key]
	if !again && len(g.wrong) >= maxWrong {
		clear(g.wrong)
	}
	g.wrong[key] = struct{}{}
	g.mu.Unlock()
	if !again {
		g.backoff.Failed(source)
	}
}

// bearer returns the token in the one Authorization header there may be.
func bearer(h http.Header) (string, bool) {
	values := h.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// sourceOf names whom a wrong token is held against: an address, or the network of one that its
// owner may choose (RFC 4291 §2.5.4).
func sourceOf(r *http.Request) string {
	source, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return "address/" + r.RemoteAddr
	}
	addr := source.Addr().Unmap().WithZone("")
	if addr.Is6() {
		if network, err := addr.Prefix(64); err == nil {
			return "address/" + network.String()
		}
	}
	return "address/" + addr.String()
}

func (d *denial) write(w http.ResponseWriter) {
	h := w.Header()
	if d.wait > 0 {
		setRetryAfter(w, d.wait)
	} else {
		h.Set("WWW-Authenticate", `Bearer realm="gatehouse"`+d.challenge)
	}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(d.status)
	_ = json.NewEncoder(w).Encode(apiError{d.text}) // the client is gone: nobody to tell
}

// setRetryAfter says when the next try counts, in whole seconds (RFC 9110 §10.2.3).
func setRetryAfter(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
}

// A caller is who sent a request.
type caller struct {
	name   string
	live   func() bool // whether the session lasts; nil: there is none that could end
	person *person     // nil: it is a program
}

// callerKey is where a request's context holds its caller.
type callerKey struct{}

// who names who asks, for the log.
func who(r *http.Request) string {
	if c, ok := r.Context().Value(callerKey{}).(caller); ok {
		return c.name
	}
	return "console"
}

// isLive reports whether who sent r still may.
func isLive(r *http.Request) bool {
	c, ok := r.Context().Value(callerKey{}).(caller)
	return !ok || c.live == nil || c.live()
}
