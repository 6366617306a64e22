package revocation

import (
	"fmt"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
)

// A role is the place of a certificate in its path; the rules differ.
type role uint8

const (
	user role = iota
	intermediate
)

// A finding is the best evidence that is at hand about one certificate, and why there is no
// better. Its zero value knows nothing.
type finding struct {
	named     bool   // somebody is named who can be asked: a responder, or a list
	answer    Answer // Status None: no answer
	freshness Freshness
	expires   time.Time // of the answer; zero: never
	source    string    // of the answer: FromResponder, FromCache or FromCRL
	said      string    // the answer in words, see describe
	second    bool      // a means that comes earlier in the order has no current answer
	fault     *Error    // why asking gave nothing better; nil: it has not been tried lately
}

// A verdict is what judge makes of a finding.
type verdict struct {
	Standing
	ask bool // a new answer would count for more; Standing is for when none can be had
	// lenient says that Standing is acceptable by the grace, or by "prefer", and nothing else.
	lenient bool
}

// judge decides about one certificate. It is the whole failure policy, as a pure function: the
// table in docs/revocation.md is made from it.
func judge(r role, f finding, rules *policy.Revocation, at Moment) verdict {
	if f.answer.Status == Revoked { // whatever its age: nothing revives it but a newer answer
		return verdict{Standing: f.standing(false, audit.CertRevoked, at),
			ask: f.answer.Hold && f.freshness != Fresh && at.Sure}
	}
	if v, over := withoutAnybody(r, f, rules); over {
		return v
	}
	current := f.freshness == Fresh || f.freshness == Future && !at.Sure
	switch {
	case f.answer.Status == Good && current:
		return verdict{Standing: f.standing(true, "", at), ask: f.second && at.Sure}
	case f.answer.Status == Unknown && current:
		return verdict{Standing: f.standing(false, audit.OCSPUnknown, at), ask: f.second && at.Sure}
	}
	s := fallback(f, rules, at)
	return verdict{Standing: s, ask: at.Sure, lenient: s.Acceptable}
}

// withoutAnybody judges certificates that name nobody who could be asked.
func withoutAnybody(r role, f finding, rules *policy.Revocation) (v verdict, over bool) {
	if f.named {
		return v, false
	}
	lenient := rules.NoResponder == "allow"
	if r == intermediate {
		lenient = rules.Intermediates == "when_named"
	}
	s := Standing{Acceptable: lenient, Status: None.String(), Detail: "it names no OCSP responder"}
	if !lenient {
		s.Reason = audit.OCSPNoResponder
	}
	return verdict{Standing: s}, true
}

// fallback is what counts when no current answer can be had.
func fallback(f finding, rules *policy.Revocation, at Moment) Standing {
	if f.answer.Status == Good && f.withinGrace(rules, at) {
		s := f.standing(true, "", at)
		s.Source = FromGrace
		s.Detail += fmt.Sprintf("; expired %s ago, within the grace of %s",
			rounded(at.Now.Sub(f.expires)), rules.Grace)
		return s
	}
	if f.answer.Status == Unknown {
		return f.standing(false, audit.OCSPUnknown, at)
	}
	s := Standing{Status: None.String(), Reason: audit.OCSPUnavailable, Detail: "no answer yet"}
	switch {
	case !at.Sure:
		s.Reason, s.Detail = audit.ClockUnsure,
			"the clock is unsure, and no earlier answer vouches for the certificate"
	case f.fault != nil:
		s.Reason, s.Detail = f.fault.Reason, f.fault.Detail
	}
	if f.answer.Status != None && f.freshness == Stale {
		s.Detail += fmt.Sprintf("; the last answer (%s) expired %s ago", f.answer.Status,
			rounded(at.Now.Sub(f.expires)))
	}
	if rules.OCSP == policy.OCSPPrefer && at.Sure {
		s.Acceptable, s.Reason = true, ""
		s.Detail = "accepted without an answer (ocsp: prefer): " + s.Detail
	}
	return s
}

// withinGrace reports whether an answer counts on although it has expired.
func (f *finding) withinGrace(rules *policy.Revocation, at Moment) bool {
	return f.freshness == Stale && at.Now.Before(f.expires.Add(rules.Grace))
}

// standing is what the answer says.
func (f *finding) standing(acceptable bool, reason audit.Reason, at Moment) Standing {
	return Standing{
		Acceptable: acceptable, Reason: reason, Status: f.answer.Status.String(), Source: f.source,
		Age: max(0, at.Now.Sub(f.answer.ThisUpdate)), Detail: f.said,
	}
}

// describe puts an answer into words.
func describe(a *Answer) string {
	switch a.Status {
	case None:
		return ""
	case Revoked:
		s := "revoked on " + a.RevokedAt.UTC().Format(time.RFC3339)
		if a.Why != "" {
			s += " (" + a.Why + ")"
		}
		return s
	}
	return a.Status.String() + " as of " + a.ThisUpdate.UTC().Format(time.RFC3339)
}

func rounded(d time.Duration) time.Duration { return max(0, d).Round(time.Second) }
