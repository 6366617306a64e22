package webui

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/authcore/accesspoint"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
)

const (
	// watchEvery is how often a page that waits for an access point looks.
	watchEvery = time.Second
	// unknownFresh is how long an unknown address may be the access point that somebody sets up.
	unknownFresh = 10 * time.Minute
	// maxStrangers bounds the unknown addresses on a page.
	maxStrangers = 5
)

// An apView is the page where an access point is added.
type apView struct {
	Servers  []string
	Asked    RADIUSClientChange
	Server   string
	Clients  []apState
	Unknown  []UnknownSource
	May      bool // add one
	Managed  string
	Fallback string // what to write by hand
}

// An apState is a client, to be shown.
type apState struct {
	mark
	Seen     ClientSeen
	Time     time.Time
	Watch    string // the page that waits for it
	Decision string // the page of its last decision
}

// A watchView is the page that waits for an access point.
type watchView struct {
	State   apState
	Stream  string
	After   uint64
	Address string
	Port    string
	Blocks  []accesspoint.Block
	Secret  string          // shown once
	QR      *accesspoint.QR // of the secret; nil: it is not shown
	News    *radiusNews
}

func (p *pages) aps(w http.ResponseWriter, _ *http.Request, who person) {
	p.showAPs(w, who, view{}, apView{})
}

func (p *pages) showAPs(w http.ResponseWriter, who person, v view, body apView) {
	body.Managed = p.api.RADIUS.Managed()
	body.May = who.may(policy.RoleAdmin)
	for _, s := range p.api.RADIUS.List() {
		if s.State != RADIUSLeftOut {
			body.Servers = append(body.Servers, s.Name)
		}
	}
	seen := p.api.clientsSeen(p.api.heard())
	for _, c := range seen.Clients {
		body.Clients = append(body.Clients, apStateOf(c))
	}
	body.Unknown = seen.Unknown[:min(len(seen.Unknown), maxStrangers)]
	v.Title, v.Tab, v.Body = "Onboard an access point", "check", body
	p.render(w, who, "ap", v)
}

// addAP makes a client with a secret of our own, and goes on to where its first packet is waited for.
func (p *pages) addAP(w http.ResponseWriter, r *http.Request, who person) {
	server := strings.TrimSpace(r.PostFormValue("server"))
	c := RADIUSClientChange{Name: strings.TrimSpace(r.PostFormValue("name")),
		Address: strings.TrimSpace(r.PostFormValue("address")), Generate: true}
	if why := p.api.RADIUS.Managed(); why != "" {
		body := apView{Server: server, Asked: c, Fallback: byHand(c)}
		p.showAPs(w, who, view{}, body)
		return
	}
	saved, err := p.putAP(server, c, who)
	if err != nil {
		p.showAPs(w, who, view{Status: statusOf(err), Error: said(err)}, apView{Server: server, Asked: c})
		return
	}
	p.news.keep(who, savedNews("The access point "+c.Name+" is a client of "+server, saved))
	redirect(w, r, watchPage(server, c.Name))
}

func (p *pages) putAP(server string, c RADIUSClientChange, who person) (RADIUSSaved, error) {
	if c.Name == "" || c.Address == "" {
		return RADIUSSaved{}, fmt.Errorf("%w: a name and an address are needed", ErrInvalid)
	}
	// A page that is loaded again must not give a working access point another secret.
	c.Create = true
	return p.api.RADIUS.Put(server, RADIUSChange{By: "account " + who.Name, Clients: []RADIUSClientChange{c}})
}

// byHand is what goes into radius/NAME.yaml where another hand writes it. The secret is kept nowhere.
func byHand(c RADIUSClientChange) string {
	return fmt.Sprintf("clients:\n  - name: %s\n    address: %s\n    secret: %s\n",
		strconv.Quote(audit.Printable(c.Name)), strconv.Quote(audit.Printable(c.Address)), rand.Text())
}

func watchPage(server, client string) string {
	return "/check/ap/" + url.PathEscape(server) + "/" + url.PathEscape(client)
}

// watched is the client that a request is about.
func (p *pages) watched(r *http.Request) (server, client string, err error) {
	server, client = r.PathValue("name"), r.PathValue("client")
	s, err := p.api.RADIUS.Get(server)
	if err == nil && !slices.ContainsFunc(s.Clients, func(c RADIUSClient) bool { return c.Name == client }) {
		err = fmt.Errorf("%w: %s has no such client", ErrNotFound, server)
	}
	return server, client, err
}

// watchedState is how that client is now.
func (p *pages) watchedState(server, client string) (apState, RADIUS) {
	h := p.api.heard()
	c := h.client(server, RADIUSClient{Name: client})
	last := h.strange(&c)
	state := apStateOf(c)
	if c.State == ClientElsewhere {
		state.Time = last
	}
	return state, h.counts
}

func (p *pages) watchAP(w http.ResponseWriter, r *http.Request, who person) {
	server, client, err := p.watched(r)
	if err != nil {
		p.fail(w, who, "No such access point", err)
		return
	}
	state, counts := p.watchedState(server, client)
	body := watchView{State: state, Stream: watchPage(server, client) + "/stream", After: state.fingerprint(),
		Address: hostOnly(r.Host), Port: portOf(counts.Address), News: p.news.tell(who)}
	if body.News != nil {
		body.Secret = body.News.Secrets[client]
	}
	if body.Secret != "" {
		body.QR, _ = accesspoint.NewQR(body.Secret) // the secret stands in the lines, too
	}
	body.Blocks = accesspoint.Blocks(body.Address, body.Port, body.Secret)
	p.render(w, who, "apwatch", view{Title: client, Tab: "check", Body: body})
}

// hostOnly is the host of HOST:PORT.
func hostOnly(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// portOf is the port of HOST:PORT; the registered one of RADIUS where there is none.
func portOf(address string) string {
	if _, port, err := net.SplitHostPort(address); err == nil {
		return port
	}
	return "1812"
}

// watchAPStream sends a row whenever the state changes, as long as the session lasts.
func (p *pages) watchAPStream(w http.ResponseWriter, r *http.Request, who person) {
	server, client, err := p.watched(r)
	if err != nil {
		fail(w, err)
		return
	}
	last, _ := strconv.ParseUint(r.URL.Query().Get("after"), 10, 64) // 0: what is now is news
	if id, err := strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 64); err == nil {
		last = id
	}
	select {
	case p.api.streams <- struct{}{}:
		defer func() { <-p.api.streams }()
	default:
		fail(w, errBusy)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	p.sendStates(w, r, last, func() (apState, bool) {
		state, _ := p.watchedState(server, client)
		return state, p.sessions.Live(who.Session.ID)
	})
}

// sendStates sends what look returns whenever it differs from last, until look says that it is over.
func (p *pages) sendStates(w http.ResponseWriter, r *http.Request, last uint64, look func() (apState, bool)) {
	control := http.NewResponseController(w)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for sent := time.Now(); ; {
		state, live := look()
		if !live {
			return
		}
		text := ""
		if print := state.fingerprint(); print != last {
			var b bytes.Buffer
			if p.templates["apwatch"].ExecuteTemplate(&b, "apstate", state) != nil {
				return
			}
			last = print
			text = fmt.Sprintf("id: %d\nevent: row\ndata: %s\n\n", print, strings.ReplaceAll(b.String(), "\n", " "))
		} else if time.Since(sent) >= heartbeat {
			text = ": still here\n\n"
		}
		if text != "" {
			sent = time.Now()
		}
		// A reader that does not read is dropped by this deadline.
		if control.SetWriteDeadline(time.Now().Add(2*heartbeat)) != nil {
			return
		}
		if _, err := io.WriteString(w, text); err != nil || control.Flush() != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

// fingerprint tells states apart that are shown differently. It is never 0.
func (s apState) fingerprint() uint64 {
	h := fnv.New32a()
	_, _ = fmt.Fprint(h, s.Seen.State, s.Seen.Decision, s.Word, s.Seen.Sentence)
	return uint64(h.Sum32()) + 1
}

// clientClass is how a state looks.
func clientClass(state string) string {
	switch state {
	case ClientAccepted, ClientHeard:
		return "ok"
	case ClientRejected, ClientElsewhere:
		return "warn"
	case ClientDiscarded, ClientWrongSecret:
		return "bad"
	}
	return "off"
}

// apStateOf is a client to be shown.
func apStateOf(c ClientSeen) apState {
	s := apState{mark: mark{clientClass(c.State), c.Summary}, Seen: c, Time: c.Decided, Watch: watchPage(c.Server, c.Client)}
	switch c.State {
	case ClientWrongSecret:
		s.Time = c.LastWrong
	case ClientHeard:
		s.Time = c.LastPacket
	}
	if c.Decision != 0 {
		s.Decision = fmt.Sprintf("/sign-ins/%d", c.Decision)
	}
	return s
}
