package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"gatehouse/appliance"
)

// responderSays is a responder as seen by a check: reached, if its HTTP step is ok.
func responderSays(status, reason, http string) appliance.OCSPResponderCheck {
	return appliance.OCSPResponderCheck{
		URL: "http://ocsp.acme.example", Status: status, Reason: reason, Detail: "its detail",
		Steps: []appliance.OCSPStep{{Name: "dns", State: "ok"}, {Name: "http", State: http}},
	}
}

// TestCheckVerdict weighs answers as a sign-in does, and gives each outcome its exit code.
func TestCheckVerdict(t *testing.T) {
	t.Parallel()
	var (
		good        = responderSays("good", "", "ok")
		revoked     = responderSays("revoked", "", "ok")
		oldRevoked  = responderSays("revoked", "ocsp_stale", "ok")
		unknown     = responderSays("unknown", "", "ok")
		stale       = responderSays("good", "ocsp_stale", "ok")
		forged      = responderSays("none", "ocsp_unauthorized", "ok")
		unreachable = responderSays("none", "ocsp_unavailable", "failed")
		silent      = responderSays("none", "ocsp_unavailable", "not_run")
	)
	kept := &appliance.OCSPEntry{Status: "revoked"}
	for name, tt := range map[string]struct {
		responders []appliance.OCSPResponderCheck
		known      *appliance.OCSPEntry
		word, text string
		code       int
	}{
		"good":            {[]appliance.OCSPResponderCheck{good}, nil, "good", "good", 0},
		"second good":     {[]appliance.OCSPResponderCheck{unreachable, forged, unknown, good}, nil, "good", "good", 0},
		"known good":      {[]appliance.OCSPResponderCheck{unreachable}, &appliance.OCSPEntry{Status: "good"}, "unreachable", "ocsp_unavailable", 4},
		"revoked":         {[]appliance.OCSPResponderCheck{good, revoked}, nil, "revoked", "cert_revoked", 1},
		"revoked, stale":  {[]appliance.OCSPResponderCheck{oldRevoked, good}, nil, "revoked", "cert_revoked", 1},
		"revoked for us":  {[]appliance.OCSPResponderCheck{good}, kept, "revoked", "purge 0A --revoked", 1},
		"no hold for us":  {[]appliance.OCSPResponderCheck{good}, &appliance.OCSPEntry{Status: "revoked", Why: "certificateHold"}, "good", "good", 0},
		"unknown":         {[]appliance.OCSPResponderCheck{unreachable, unknown}, nil, "unknown", "ocsp_unknown", 1},
		"stale":           {[]appliance.OCSPResponderCheck{unreachable, stale}, nil, "refused", "ocsp_stale", 1},
		"forged":          {[]appliance.OCSPResponderCheck{forged}, nil, "refused", "its detail", 1},
		"unreachable":     {[]appliance.OCSPResponderCheck{silent, unreachable}, nil, "unreachable", "ocsp_unavailable", 4},
		"nobody is named": {nil, nil, "not_named", "ocsp_no_responder", 1},
	} {
		c := &appliance.OCSPCheck{Serial: "0A", Responders: tt.responders, Known: tt.known}
		v := judgeCheck(c)
		if v.word != tt.word || v.code != tt.code || !strings.Contains(v.text(c), tt.text) {
			t.Errorf("%s: got %s, exit code %d, %q; want %s, %d, with %q", name, v.word, v.code, v.text(c),
				tt.word, tt.code, tt.text)
		}
	}
}

func TestOCSPListTable(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	err := printOCSPList(&b, appliance.OCSPList{Matching: 5, Certificates: []appliance.OCSPEntry{
		{Serial: "0A1B", Status: "good", CA: "acme", Until: statusNow.Add(time.Hour), Seen: statusNow.Add(-time.Minute),
			Refresh: statusNow.Add(30 * time.Minute), Responder: "http://a.example", Users: []string{"alice", "b\x1bb"}},
		{Serial: "02", Status: "revoked", CA: "acme", Why: "keyCompromise", Until: statusNow},
		{Serial: "03", Status: "none", Responder: "http://b.example", Fault: "connection refused"},
	}}, statusNow)
	if err != nil {
		t.Fatal(err)
	}
	want := `SERIAL  STATUS                   UNTIL    SEEN     REFRESH  CA    RESPONDER         USERS          FAULT
0A1B    good                     in 1h0m  60s ago  in 30m   acme  http://a.example  alice, b\x1bb
02      revoked (keyCompromise)  -        -        -        acme  -                 -
03      none                     -        -        -        -     http://b.example  -              connection refused
and 2 more: --limit 5 shows them
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	b.Reset()
	if err := printOCSPList(&b, appliance.OCSPList{}, statusNow); err != nil || b.String() != "nothing is known of any such certificate\n" {
		t.Errorf("empty: got %q, %v", b.String(), err)
	}
}

func TestPurgedInWords(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		purge appliance.OCSPPurge
		done  appliance.OCSPPurged
		want  string
	}{
		"one":     {appliance.OCSPPurge{}, appliance.OCSPPurged{Forgotten: 1}, "1 answer forgotten: the next sign-in asks anew\n"},
		"none":    {appliance.OCSPPurge{}, appliance.OCSPPurged{}, "0 answers forgotten: none is known, or it says revoked\n"},
		"revoked": {appliance.OCSPPurge{Revoked: true}, appliance.OCSPPurged{}, "0 answers forgotten: none is known\n"},
		"kept": {appliance.OCSPPurge{}, appliance.OCSPPurged{KeptRevoked: 1},
			"0 answers forgotten; 1 that says revoked stays, --revoked takes it too\n"},
		"both": {appliance.OCSPPurge{}, appliance.OCSPPurged{Forgotten: 3, KeptRevoked: 2},
			"3 answers forgotten: the next sign-in asks anew; 2 that say revoked stay, --revoked takes them too\n"},
	} {
		var b bytes.Buffer
		if err := printPurged(&b, tt.purge, tt.done); err != nil || b.String() != tt.want {
			t.Errorf("%s: got %q, %v, want %q", name, b.String(), err, tt.want)
		}
	}
}
