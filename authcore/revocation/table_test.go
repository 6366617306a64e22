package revocation

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
)

//go:generate go test . -run ^TestDecisionTable$ -update

var update = flag.Bool("update", false, "write docs/revocation.md anew")

// tableRow is what may be known of a certificate.
type tableRow struct {
	what string
	role role
	f    finding
	rule func(*policy.Revocation)
}

var (
	noon    = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	silent  = &Error{Reason: audit.OCSPUnavailable, Detail: "connection refused"}
	foreign = &Error{Reason: audit.OCSPUnauthorized, Detail: "signed by another user's certificate"}
	dated   = &Error{Reason: audit.OCSPStale, Detail: "the answer expired 3h ago"}
	oldList = &Error{Reason: audit.CRLStale, Detail: "the list expired 3h ago"}
)

// known makes a finding whose answer expires at the given time from noon.
func known(status Status, f Freshness, expires time.Duration, source string) finding {
	a := Answer{Status: status, ThisUpdate: noon.Add(expires - 24*time.Hour), RevokedAt: noon.Add(-48 * time.Hour)}
	return finding{named: true, answer: a, freshness: f, expires: noon.Add(expires), source: source, said: describe(&a)}
}

func failing(f finding, why *Error) finding { f.fault = why; return f }
func behind(f finding) finding              { f.second = true; return f }
func held(f finding) finding                { f.answer.Hold = true; return f }

func grace(r *policy.Revocation) { r.Grace = 24 * time.Hour }

func noResponder(word string) func(*policy.Revocation) {
	return func(r *policy.Revocation) { r.NoResponder = word }
}

func intermediates(word string) func(*policy.Revocation) {
	return func(r *policy.Revocation) { r.Intermediates = word }
}

func tableRows() []tableRow {
	hour := time.Hour
	return []tableRow{
		{"a current OCSP answer: good", user, known(Good, Fresh, hour, FromCache), nil},
		{"a current list without the certificate", user, known(Good, Fresh, hour, FromCRL), nil},
		{"a current list without the certificate, and `order` puts OCSP first", user, behind(known(Good, Fresh, hour, FromCRL)), nil},
		{"revoked, by any answer or list, however old", user, known(Revoked, Stale, -hour, FromCache), nil},
		{"on hold, by an answer of over a minute ago or an expired list", user, held(known(Revoked, Stale, hour, FromCache)), nil},
		{"a current OCSP answer: unknown", user, known(Unknown, Fresh, hour, FromCache), nil},
		{"good, expired, within `grace`", user, failing(known(Good, Stale, -hour, FromCache), silent), grace},
		{"good, expired, `grace` 0 or over", user, failing(known(Good, Stale, -hour, FromCache), silent), nil},
		{"a list, expired, within `grace`", user, failing(known(Good, Stale, -hour, FromCRL), oldList), grace},
		{"a list, expired, `grace` 0 or over", user, failing(known(Good, Stale, -hour, FromCRL), oldList), nil},
		{"good, dated in the future", user, failing(known(Good, Future, 23*hour, FromCache), dated), nil},
		{"unknown, expired", user, failing(known(Unknown, Stale, -hour, FromCache), silent), grace},
		{"nothing, and nobody answers", user, finding{named: true, fault: silent}, grace},
		{"nothing, and the answer is signed by somebody else", user, finding{named: true, fault: foreign}, grace},
		{"nothing, and the answer is too old", user, finding{named: true, fault: dated}, grace},
		{"no responder is named, `no_responder: reject`", user, finding{}, noResponder("reject")},
		{"no responder is named, `no_responder: allow`", user, finding{}, noResponder("allow")},
		{"an intermediate names nobody, `intermediates: when_named`", intermediate, finding{}, intermediates("when_named")},
		{"an intermediate names nobody, `intermediates: strict`", intermediate, finding{}, intermediates("strict")},
	}
}

// cell is what becomes of a row, in words.
func cell(row tableRow, mode policy.OCSPMode, at Moment) string {
	rules := policy.Default().Revocation
	rules.OCSP, rules.Grace = mode, 0
	if row.rule != nil {
		row.rule(&rules)
	}
	v := judge(row.role, row.f, &rules, at)
	s := "reject `" + string(v.Reason) + "`"
	if v.Acceptable {
		s = "**accept**, " + v.Status
		if v.Source != "" {
			s += " (" + v.Source + ")"
		}
	}
	if v.ask {
		s = "ask; else " + s
	}
	return s
}

const tableHead = `# Is this certificate still good? The whole policy on one page

Made from the code that decides (` + "`go generate ./authcore/revocation`" + `). What is known of a
certificate when somebody is at the door, and what becomes of it. "Ask" means that the
responder, then the list, is asked first, within ` + "`budget`" + `; what follows counts when no better
answer came, and for the next 5 seconds without asking.

The same holds for every certificate of the path but the anchor; ` + "`intermediates: off`" + ` leaves out
those above the person's own. One refusal is enough. With ` + "`ocsp: off`" + ` nothing is looked at. With
` + "`clock: {when_unsure: reject}`" + `, the default, an unsure clock refuses everybody (` + "`clock_unsure`" + `)
before this table is reached; the last column is for ` + "`accept_cached`" + `.

| what is known | ` + "`ocsp: require`" + ` | ` + "`ocsp: prefer`" + ` | the clock is unsure |
|---|---|---|---|
`

const tableFoot = `
The means count in the order of ` + "`order`" + `: a current answer by the first of them is all that is
looked for. As long as there is none, it is asked for, and what another means says counts if
asking fails. A revocation counts by whichever means it is known.

A certificate that was on hold is revoked as long as no newer answer says good; any other
revocation is for ever. An answer older than the one known never takes its place. "Unknown" is
believed for a minute. With ` + "`max_age`" + ` an answer expires that long after its thisUpdate, if that
comes before its nextUpdate; one that names no nextUpdate expires after a day.
`

func TestDecisionTable(t *testing.T) {
	var b strings.Builder
	b.WriteString(tableHead)
	for _, row := range tableRows() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", row.what,
			cell(row, policy.OCSPRequire, Moment{noon, true}),
			cell(row, policy.OCSPPrefer, Moment{noon, true}),
			cell(row, policy.OCSPRequire, Moment{noon, false}))
	}
	b.WriteString(tableFoot)
	file := filepath.Join("..", "..", "docs", "revocation.md")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != b.String() {
		t.Errorf("%s is not what the code does; run go generate ./authcore/revocation", file)
	}
}

// What must hold of judge whatever the rest is, over every combination of its inputs.
func TestJudgeFailsClosed(t *testing.T) {
	every(func(r role, f finding, rules policy.Revocation, at Moment) {
		v := judge(r, f, &rules, at)
		where := fmt.Sprintf("%v of %v %v, named %v, fault %v, %s grace %s, %s, sure %v", f.answer.Status, f.freshness,
			r, f.named, f.fault, rules.OCSP, rules.Grace, rules.NoResponder, at.Sure)
		switch {
		case v.Acceptable != (v.Reason == ""):
			t.Errorf("%s: acceptable %v with reason %q", where, v.Acceptable, v.Reason)
		case f.answer.Status == Revoked && v.Reason != audit.CertRevoked:
			t.Errorf("%s: got %+v of a revoked certificate", where, v)
		case f.named && f.answer.Status == Unknown && v.Acceptable:
			t.Errorf("%s: an unknown certificate is accepted", where)
		case v.ask && !at.Sure:
			t.Errorf("%s: asks by a clock that is unsure", where)
		case v.Acceptable && f.named && rules.OCSP == policy.OCSPRequire && f.answer.Status != Good:
			t.Errorf("%s: accepted without a good answer", where)
		case v.Acceptable && f.named && rules.OCSP == policy.OCSPRequire && f.freshness == Stale && rules.Grace == 0:
			t.Errorf("%s: accepted by an expired answer", where)
		}
	})
}

func every(fn func(r role, f finding, rules policy.Revocation, at Moment)) {
	for _, r := range []role{user, intermediate} {
		for _, status := range []Status{None, Good, Revoked, Unknown} {
			for _, fresh := range []Freshness{Stale, Fresh, Future} {
				for _, fault := range []*Error{nil, silent, foreign} {
					for _, mode := range []policy.OCSPMode{policy.OCSPRequire, policy.OCSPPrefer} {
						for _, g := range []time.Duration{0, time.Minute, 24 * time.Hour} {
							for _, word := range []string{"reject", "responder", "crl", "allow"} {
								for i := range 4 {
									rules := policy.Default().Revocation
									rules.OCSP, rules.Grace, rules.NoResponder = mode, g, word
									f := failing(known(status, fresh, -time.Hour, FromCache), fault)
									f.named = i&1 == 0
									fn(r, f, rules, Moment{noon, i&2 == 0})
								}
							}
						}
					}
				}
			}
		}
	}
}
