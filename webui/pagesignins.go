package webui

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/revocation"
)

// maxRows bounds the sign-ins on a page.
const maxRows = 100

// A signInRow is a decision in a list.
type signInRow struct {
	ID                             uint64
	Time                           time.Time
	Mark                           mark
	Who, Station, Client, Sentence string
	Took                           string
	Reason                         audit.Reason
}

func newRow(e audit.Entry) signInRow {
	v := e.Event
	explanation, _ := audit.Explain(v.Reason)
	row := signInRow{ID: e.ID, Time: v.Time, Mark: resultMark(v.Result), Who: nameOf(v), Station: v.Station,
		Client: joined(" at ", v.Client, v.NAS), Sentence: explanation.Sentence, Reason: v.Reason}
	if v.Duration > 0 {
		row.Took = fmt.Sprintf("%d ms", v.Duration.Milliseconds())
	}
	return row
}

// nameOf is what is known of who it was.
func nameOf(v audit.Event) string {
	switch {
	case v.User != "":
		return v.User
	case v.OuterIdentity != "":
		return v.OuterIdentity + " (as the device says)"
	}
	return "somebody"
}

// joined puts what is not empty together.
func joined(separator string, texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), separator)
}

// A signInFilter says which decisions are shown. Its zero value is all of them.
type signInFilter struct {
	Text   string // part of a name or of the detail, or of a MAC address in any writing
	Name   string // Text as names are shown: viewers look for what they may see, and learn nothing by it
	Reason string
	Result string
}

func (p *pages) filterOf(q url.Values) signInFilter {
	cut := func(s string) string { return strings.TrimSpace(s[:min(len(s), 128)]) }
	f := signInFilter{Text: cut(q.Get("q")), Reason: cut(q.Get("reason")), Result: cut(q.Get("result"))}
	if f.Name = f.Text; p.quiet {
		f.Name = shortStation(f.Text)
	}
	return f
}

// query is the filter as part of an address.
func (f signInFilter) query() string {
	q := url.Values{}
	for key, value := range map[string]string{"q": f.Text, "reason": f.Reason, "result": f.Result} {
		if value != "" {
			q.Set(key, value)
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

func (f signInFilter) fits(v audit.Event) bool {
	if f.Reason != "" && f.Reason != string(v.Reason) || f.Result != "" && f.Result != string(v.Result) {
		return false
	}
	if f.Text == "" {
		return true
	}
	contains := func(s, part string) bool { return strings.Contains(strings.ToLower(s), strings.ToLower(part)) }
	if contains(v.Client, f.Text) || contains(v.Server, f.Text) {
		return true
	}
	// Of whom no user came, the detail tells the name in the certificate.
	for _, name := range []string{v.User, v.OuterIdentity, v.Detail, v.Station} {
		if contains(name, f.Name) {
			return true
		}
	}
	digits := macDigits(f.Name)
	return len(digits) >= 4 && strings.Contains(macDigits(v.Station), digits)
}

// macDigits is a MAC address without what people put between its digits; "": it is none.
func macDigits(s string) string {
	plain := strings.NewReplacer("-", "", ":", "", ".", "", " ", "", more, "").Replace(strings.ToLower(s))
	if strings.Trim(plain, "0123456789abcdef") != "" {
		return ""
	}
	return plain
}

// A signInsView is the page of sign-ins.
type signInsView struct {
	Filter  signInFilter
	Here    string // the page itself
	Stream  string
	Last    uint64
	Rows    []signInRow
	Reasons []audit.Reason // that occur
}

func (p *pages) signIns(w http.ResponseWriter, r *http.Request, who person) {
	v := signInsView{Filter: p.filterOf(r.URL.Query()), Last: p.api.Decisions.Last()}
	v.Here = "/sign-ins" + v.Filter.query()
	v.Stream = "/sign-ins/stream" + v.Filter.query()
	entries := p.api.Decisions.After(0, maxListed)
	for _, e := range slices.Backward(entries) {
		if !slices.Contains(v.Reasons, e.Event.Reason) {
			v.Reasons = append(v.Reasons, e.Event.Reason)
		}
		if len(v.Rows) < maxRows && e.ID <= v.Last && v.Filter.fits(e.Event) {
			v.Rows = append(v.Rows, newRow(e))
		}
	}
	slices.Sort(v.Reasons)
	p.render(w, who, "signins", view{Title: "Sign-ins", Tab: "signins", Body: v})
}

// signInStream sends a row for each decision as it is taken, as long as the session lasts.
func (p *pages) signInStream(w http.ResponseWriter, r *http.Request, who person) {
	filter := p.filterOf(r.URL.Query())
	template := p.templates["signins"]
	event := func(e audit.Entry) (string, bool) {
		if !filter.fits(e.Event) {
			return "", true
		}
		var b bytes.Buffer
		if template.ExecuteTemplate(&b, "row", newRow(e)) != nil {
			return "", false
		}
		return fmt.Sprintf("id: %d\nevent: row\ndata: %s\n\n", e.ID, strings.ReplaceAll(b.String(), "\n", " ")), true
	}
	p.api.follow(w, r, follower{event: event, live: func() bool { return p.sessions.Live(who.Session.ID) }})
}

// A signInView is one decision.
type signInView struct {
	Row      signInRow
	NextStep string
	Detail   string
	Facts    [][2]string
	Ladder   []rung
	Text     string // all of it, to be copied
	Before   string // where the others of that device are
}

func (p *pages) oneSignIn(w http.ResponseWriter, r *http.Request, who person) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 63)
	var entries []audit.Entry
	if err == nil && id > 0 {
		entries = p.api.Decisions.After(id-1, 1)
	}
	if len(entries) != 1 || entries[0].ID != id {
		p.fail(w, who, "No such sign-in", fmt.Errorf("%w: it is not kept any more, or it never was", ErrNotFound))
		return
	}
	v := newSignIn(entries[0])
	if p.quiet {
		v.Before = "" // a short address is that of many
	}
	p.render(w, who, "onesignin", view{Title: v.Row.Who, Tab: "signins", Body: v})
}

func newSignIn(e audit.Entry) signInView {
	explanation, _ := audit.Explain(e.Event.Reason)
	v := signInView{Row: newRow(e), NextStep: explanation.NextStep, Detail: e.Event.Detail,
		Ladder: rungs(e.Event.Ladder), Facts: factsOf(e.Event)}
	if e.Event.Station != "" {
		v.Before = "/sign-ins" + signInFilter{Text: e.Event.Station}.query()
	}
	v.Text = ticket(e.Event, v)
	return v
}

// factsOf are what is known of a decision, each with its name.
func factsOf(v audit.Event) [][2]string {
	tls := v.TLSVersion
	if v.Resumed {
		tls += ", resumed"
	}
	ocsp := revocation.Tell(v.OCSP, v.OCSPSource, v.OCSPAge)
	took := ""
	if v.Result != audit.Discard {
		took = fmt.Sprintf("%d ms, %d rounds", v.Duration.Milliseconds(), v.Rounds)
	}
	all := [][2]string{
		{"User", v.User}, {"Name from the device", v.OuterIdentity}, {"Device", v.Station},
		{"RADIUS server", v.Server}, {"Access point", joined(" at ", v.Client, v.NAS)}, {"Method", string(v.Method)},
		{"TLS", tls}, {"CA", v.CA}, {"Certificate", v.CertSHA256}, {"OCSP", ocsp}, {"Took", took},
		{"Reason", string(v.Reason)}, {"Generation", fmt.Sprint(v.Generation)},
	}
	return slices.DeleteFunc(all, func(f [2]string) bool { return f[1] == "" })
}

// ticket is a decision as text.
func ticket(e audit.Event, v signInView) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s (%s)\n%s\nTime: %s\n", v.Row.Mark.Word, clean(v.Row.Who), e.Reason, v.Row.Sentence,
		e.Time.Format(time.RFC3339))
	if v.Detail != "" {
		fmt.Fprintf(&b, "Detail: %s\n", clean(v.Detail))
	}
	for _, f := range v.Facts {
		fmt.Fprintf(&b, "%s: %s\n", f[0], clean(f[1]))
	}
	for _, s := range v.Ladder {
		fmt.Fprintf(&b, "  %s %s: %s", s.Shape(), s.Name, s.Word)
		if s.Detail != "" {
			fmt.Fprintf(&b, " (%s)", clean(s.Detail))
		}
		b.WriteByte('\n')
	}
	if v.NextStep != "" {
		fmt.Fprintf(&b, "What to do: %s\n", v.NextStep)
	}
	return b.String()
}
