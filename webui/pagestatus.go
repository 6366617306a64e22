package webui

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"gatehouse/authcore/audit"
)

// A light is one of the four on the status page: a state in a word, a sentence, and where to look.
type light struct {
	mark
	Name, Sentence string
	Link           string
}

// A statusView is what the status page shows.
type statusView struct {
	Lights   []light
	Hour     hour
	Expiring []Expiring
	Version  string
	Started  time.Time
	Users    int
	Servers  []string
}

func (p *pages) status(w http.ResponseWriter, _ *http.Request, who person) {
	s := p.api.Status()
	p.render(w, who, "status", view{Title: "Status", Tab: "status", Node: s.Node, Body: statusView{
		Lights: lightsOf(s),
		Hour:   lastHour(p.api.Decisions, p.Now()), Expiring: s.Expiring[:min(len(s.Expiring), 5)],
		Version: s.Version, Started: s.Started, Users: s.Configuration.Users, Servers: s.Configuration.Servers,
	}})
}

func radiusLight(s Status) light {
	l := light{Name: "RADIUS", Link: "/sign-ins"}
	var wrong uint64
	for _, w := range s.RADIUS.WrongSecrets {
		wrong += w.Count
	}
	switch {
	case !s.Ready:
		l.mark, l.Sentence = mark{"bad", "Not serving"}, s.Detail
		l.Link = "/setup/config"
	case wrong > 0:
		w := s.RADIUS.WrongSecrets[0]
		l.mark, l.Sentence = mark{"warn", "A secret is wrong"},
			fmt.Sprintf("%s at %v sends packets that another secret was used for.", w.Client, w.Address)
	case len(s.RADIUS.Unknown) > 0:
		l.mark, l.Sentence = mark{"warn", "An unknown device asks"},
			fmt.Sprintf("%v asks and is nobody's client: add it, or turn it off there.", s.RADIUS.Unknown[0].Address)
	default:
		l.mark, l.Sentence = mark{"ok", "Serving"},
			fmt.Sprintf("Answering on %s; %d requests since the start.", s.RADIUS.Address, s.RADIUS.Requests)
	}
	return l
}

func ocspLight(r Revocation) light {
	l := light{Name: "OCSP", Link: "/check/ocsp"}
	open := 0
	failed := ""
	for _, responder := range r.Responders {
		if responder.Breaker != "closed" {
			open++
			failed = responder.URL
		}
	}
	switch {
	case r.PastGrace > 0:
		l.mark, l.Sentence = mark{"bad", "Answers have run out"},
			fmt.Sprintf("For %d certificates there is no answer that still counts.", r.PastGrace)
	case open > 0:
		l.mark, l.Sentence = mark{"warn", "A responder does not answer"}, failed+" does not answer; known answers still count."
	case r.InGrace > 0:
		l.mark, l.Sentence = mark{"warn", "Answers are getting old"},
			fmt.Sprintf("For %d certificates an answer counts by its grace alone.", r.InGrace)
	case r.Requests == 0 && r.Entries == 0:
		l.mark, l.Sentence = mark{"off", "Not asked yet"}, "No responder has been asked since the start."
	default:
		l.mark, l.Sentence = mark{"ok", "Answering"},
			fmt.Sprintf("%d certificates known; %d of %d requests failed.", r.Entries, r.Failures, r.Requests)
	}
	return l
}

func clockLight(c Clock) light {
	l := light{Name: "Clock", Sentence: sentence(c.Why), Link: "/check/clock"}
	switch {
	case !c.Sure:
		l.mark = mark{"bad", "Not believed"}
	case c.Problem != "":
		l.mark, l.Sentence = mark{"warn", "Believed, with a fault"}, c.Problem
	default:
		l.mark = mark{"ok", "Believed"}
		l.Sentence = "Certificates are judged by " + c.Now.Format("2 Jan 2006 15:04 MST") + "."
	}
	return l
}

func configLight(s Status) light {
	l := light{Name: "Config", Link: "/setup/config"}
	b := s.Bundle
	faults := slices.IndexFunc(s.Configuration.Problems, func(p Problem) bool { return p.Severity == "error" })
	switch {
	case s.Configuration.Generation == 0:
		l.mark, l.Sentence = mark{"bad", "None in force"}, "There is no configuration that could go live."
	case b.Problem != "" || b.Damaged != "":
		l.mark, l.Sentence = mark{"bad", "A bundle is in trouble"}, b.Problem+b.Damaged
	case b.Refused != nil && (b.InForce == nil || b.Refused.At.After(b.InForce.Since)):
		l.mark, l.Sentence = mark{"warn", "A bundle was refused"}, b.Refused.Text
	case b.InForce != nil && b.InForce.Expired:
		l.mark, l.Sentence = mark{"warn", "The bundle has expired"}, fmt.Sprintf("%s, serial %d.", b.InForce.BundleID, b.InForce.Serial)
	case faults >= 0:
		l.mark, l.Sentence = mark{"warn", "Something is broken"},
			s.Configuration.Problems[faults].File+": "+s.Configuration.Problems[faults].Text
	case b.InForce != nil:
		l.mark, l.Sentence = mark{"ok", "Bundle in force"}, fmt.Sprintf("%s, serial %d, signed by %s.",
			b.InForce.BundleID, b.InForce.Serial, b.InForce.Signer.Name)
	default:
		l.mark, l.Sentence = mark{"ok", "Files in force"},
			fmt.Sprintf("%s and %s, from loose files.", count(s.Configuration.Users, "user"),
				count(len(s.Configuration.Servers), "RADIUS server"))
	}
	return l
}

// An hour is what happened in the last one.
type hour struct {
	Accepted, Rejected int
	P95                time.Duration // of what was decided; 0: nothing was
	Cached             string        // how many OCSP answers came from memory, in words; "": none was needed
	Bars               []bar
	Cut                bool // more happened than is kept

	cached, asked int // OCSP answers that came from memory, of those that were needed
}

// A bar is a slice of the hour, in units of the drawing.
type bar struct{ X, AcceptY, AcceptHeight, RejectY, RejectHeight int }

// The drawing of an hour.
const (
	bars      = 30
	barEvery  = time.Hour / bars
	barWidth  = 10
	barHeight = 60
)

// lastHour counts the decisions of the hour before now.
func lastHour(d Decisions, now time.Time) hour {
	var h hour
	var accepted, rejected [bars]int
	var took []time.Duration
	entries := d.After(0, maxListed)
	for i, e := range entries {
		age := now.Sub(e.Event.Time)
		if age < 0 || age >= time.Hour || e.Event.Result == audit.Discard {
			continue
		}
		h.Cut = h.Cut || i == 0 && e.ID > 1
		at := bars - 1 - int(age/barEvery)
		if e.Event.Result == audit.Accept {
			accepted[at]++
			h.Accepted++
		} else {
			rejected[at]++
			h.Rejected++
		}
		took = append(took, e.Event.Duration)
		switch e.Event.OCSPSource {
		case "":
		case "cache":
			h.cached++
			h.asked++
		default:
			h.asked++
		}
	}
	if len(took) > 0 {
		slices.Sort(took)
		h.P95 = took[(len(took)*95+99)/100-1].Round(time.Millisecond)
	}
	if h.asked > 0 {
		h.Cached = fmt.Sprintf("%d of %d", h.cached, h.asked)
	}
	h.Bars = drawn(accepted, rejected)
	return h
}

// drawn stacks what was rejected on what was accepted.
func drawn(accepted, rejected [bars]int) []bar {
	most := 1
	for i := range accepted {
		most = max(most, accepted[i]+rejected[i])
	}
	var list []bar
	for i := range accepted {
		if accepted[i]+rejected[i] == 0 {
			continue
		}
		a, r := accepted[i]*barHeight/most, rejected[i]*barHeight/most
		if rejected[i] > 0 {
			r = max(r, 2) // one is seen beside a hundred
		}
		list = append(list, bar{X: i * barWidth, AcceptY: barHeight - a, AcceptHeight: a,
			RejectY: max(barHeight-a-r, 0), RejectHeight: r})
	}
	return list
}
