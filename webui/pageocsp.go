package webui

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/revocation"
)

// maxEntriesShown bounds the answers on the page; the API lists them all.
const maxEntriesShown = 20

// An ocspView is the page where responders are checked, with what came of it.
type ocspView struct {
	Light      light
	Asked      *revocation.Check // nil: nobody has been asked
	Verdicts   []responderView   // of Asked
	Responders []responderView   // asked lately, for sign-ins
	ByStatus   []countOf         // answers in memory
	Entries    []revocation.EntryReport
	More       int // entries that are not shown
}

// A countOf is how many there are of something.
type countOf struct {
	What string
	N    int
}

// standing is what an answer says about a certificate, as a mark.
func standing(status string) mark {
	switch status {
	case "good":
		return mark{"ok", status}
	case "revoked":
		return mark{"bad", status}
	}
	return mark{"warn", status}
}

// A responderView is what is known of one responder.
type responderView struct {
	mark
	URL, Says, Todo string
	Flag            mark // of its address; the zero mark: nothing to say
	FlagText        string
	Steps           []rung
	ThisUpdate      time.Time
	NextUpdate      time.Time
	LastSuccess     time.Time
	LatencyMS       float64
}

func (p *pages) ocsp(w http.ResponseWriter, _ *http.Request, who person) {
	p.showOCSP(w, who, view{}, ocspView{})
}

func (p *pages) showOCSP(w http.ResponseWriter, who person, v view, body ocspView) {
	r := p.api.Status().Revocation
	body.Light = ocspLight(r)
	for i := range r.Responders {
		body.Responders = append(body.Responders, knownResponder(&r.Responders[i]))
	}
	for _, status := range []string{"good", "revoked", "unknown", "none"} {
		if n := r.ByStatus[status]; n > 0 {
			body.ByStatus = append(body.ByStatus, countOf{status, n})
		}
	}
	body.Entries = p.api.OCSP.List()
	if n := len(body.Entries); n > maxEntriesShown {
		body.Entries, body.More = body.Entries[:maxEntriesShown], n-maxEntriesShown
	}
	v.Title, v.Tab, v.Body = "Check OCSP", "check", body
	p.render(w, who, "ocsp", v)
}

// checkOCSP asks the responders of a certificate that was uploaded or pasted. It is kept nowhere.
func (p *pages) checkOCSP(w http.ResponseWriter, r *http.Request, who person) {
	body := ocspView{}
	data, err := uploaded(w, r, "file", "pem")
	if err == nil {
		data, err = withoutKeys(data)
	}
	if err == nil {
		var c revocation.Check
		if c, err = p.api.askResponders(w, r, data); err == nil {
			body.Asked = &c
			for i := range c.Responders {
				body.Verdicts = append(body.Verdicts, askedResponder(&c.Responders[i]))
			}
		}
	}
	v := view{}
	if err != nil {
		v.Status, v.Error = http.StatusBadRequest, said(err)
	}
	p.showOCSP(w, who, v, body)
}

// askResponders lets a person wait for responders longer than requests take otherwise.
func (a *api) askResponders(w http.ResponseWriter, r *http.Request, der []byte) (revocation.Check, error) {
	// The server's limits would end the context of who waits for its answer, or the answer. Where
	// there are no such limits to lift, nothing is lost.
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Now().Add(checkTimeout + writeTimeout))
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	return a.OCSP.Check(ctx, der)
}

// askedResponder shows a responder that was asked just now.
func askedResponder(r *revocation.ResponderCheck) responderView {
	v := responderView{
		URL: r.URL, ThisUpdate: r.ThisUpdate, NextUpdate: r.NextUpdate, LatencyMS: r.LatencyMS,
		Steps: stepRungs(r.Steps),
	}
	v.Flag, v.FlagText = addressFlag(r.URL)
	reason := audit.Reason(r.Reason)
	switch {
	case r.Status == "revoked":
		v.mark, reason = mark{"bad", "Answers: revoked"}, audit.CertRevoked
		v.Says = r.Why
	case r.Reason != "":
		v.mark, v.Says = mark{"bad", "Its answer does not count"}, r.Detail
	case r.Status == "good":
		v.mark = mark{"ok", "Answers: good"}
	default:
		v.mark, reason = mark{"warn", "Answers: unknown"}, audit.OCSPUnknown
	}
	if e, ok := audit.Explain(reason); ok {
		v.Says = cmp.Or(v.Says, e.Sentence)
		v.Todo = e.NextStep
	}
	return v
}

// knownResponder shows what sign-ins found out about a responder.
func knownResponder(r *revocation.ResponderReport) responderView {
	v := responderView{
		URL: r.URL, ThisUpdate: r.ThisUpdate, NextUpdate: r.NextUpdate, LatencyMS: r.LatencyMS,
		LastSuccess: r.LastSuccess, Steps: stepRungs(r.Steps),
	}
	v.Flag, v.FlagText = addressFlag(r.URL)
	v.Says = fmt.Sprintf("Asked %d times, %d failed.", r.Asked, r.Failed)
	switch {
	case r.Breaker != "closed":
		v.mark, v.Todo = mark{"bad", "Does not answer"}, todoOf(r.Steps)
	case r.LastFailure.After(r.LastSuccess):
		v.mark, v.Todo = mark{"warn", "The last try failed"}, todoOf(r.Steps)
	default:
		v.mark = mark{"ok", "Answers"}
	}
	if v.Class != "ok" && r.LastError != "" {
		v.Says += " The last time: " + sentence(r.LastError)
	}
	return v
}

// stepRemedies says what to do when a step of asking fails.
var stepRemedies = map[string]string{
	"dns":       "Check that the gateway's DNS server answers and knows the name of the responder.",
	"tcp":       "Let the gateway out to that address and port through the firewall.",
	"tls":       "Check the responder's HTTPS certificate, or a proxy that opens TLS on the way.",
	"http":      "Look at the responder, or for a captive portal or proxy that answers in its place.",
	"signature": "Ask whoever runs the CA: the answer is not signed by the CA or by a signer that it names.",
	"dates":     "Check the clock here; if it is right, the responder hands out old answers.",
}

func todoOf(steps []revocation.StepCheck) string {
	for _, s := range steps {
		if s.State == "failed" {
			return stepRemedies[s.Name]
		}
	}
	return ""
}

var ocspStepNames = map[string]string{
	"dns": "DNS", "tcp": "TCP", "tls": "TLS", "http": "HTTP", "signature": "Signature valid", "dates": "Up to date",
}

func stepRungs(steps []revocation.StepCheck) []rung {
	list := make([]rung, 0, len(steps))
	for _, s := range steps {
		r := rung{mark: mark{"off", "not run"}, Name: cmp.Or(ocspStepNames[s.Name], s.Name), Detail: s.Detail}
		switch s.State {
		case "ok":
			r.mark = mark{"ok", "passed"}
		case "failed":
			r.mark, r.Failed = mark{"bad", "failed"}, true
		}
		if s.TookMS > 0 {
			r.Detail = strings.TrimSpace(fmt.Sprintf("%s (%.1f ms)", r.Detail, s.TookMS))
		}
		list = append(list, r)
	}
	return list
}

// addressFlag says what is peculiar about the host that an address names, as it is written: what a
// name means in the DNS is seen when it is asked.
func addressFlag(address string) (mark, string) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return mark{"bad", "no address"}, "It cannot be asked: the CA has to name another one in its certificates."
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	ip, err := netip.ParseAddr(host)
	ip = ip.Unmap()
	switch {
	case host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && (ip.IsLoopback() || ip.IsUnspecified()):
		return mark{"bad", "localhost"}, "It means this gateway itself and is not asked, unless allow_addresses " +
			"of the CA says so. Nearly always the CA was set up with a wrong address."
	case err == nil && ip.IsLinkLocalUnicast():
		return mark{"bad", "link-local address"}, "It is not asked, unless allow_addresses of the CA says so."
	case err == nil && ip.IsPrivate():
		return mark{"warn", "private address"}, "It is asked. It has to be reachable from this gateway, not only from head office."
	}
	return mark{}, ""
}
