package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/revocation"
	"gatehouse/webui"
)

var statusNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// rendered prints s as it comes over the control socket.
func rendered(t *testing.T, s *webui.Status) string {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var view statusView
	if err := json.Unmarshal(data, &view); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := view.print(&b, statusNow); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestStatusOfTheWhole shows every line that a gateway in good health has, and no other.
func TestStatusOfTheWhole(t *testing.T) {
	t.Parallel()
	got := rendered(t, &webui.Status{
		Ready: true, Node: "oslo-1", Version: "1.0", Started: statusNow.Add(-90 * time.Minute),
		Configuration: webui.Configuration{Generation: 3, Users: 12, Servers: []string{"a", "b"}},
		RADIUS: webui.RADIUS{Address: ":1812", Requests: 9, Conversations: 1,
			Responses: map[string]uint64{"Access-Accept": 2, "Access-Reject": 1}},
		Store: webui.Store{Mode: "disk", Users: 12, Bytes: 3 << 19},
		Clock: webui.Clock{Sure: true},
		Revocation: webui.Revocation{Report: revocation.Report{
			Entries: 5, ByStatus: map[string]int{"good": 3, "revoked": 1, "none": 1}, Expired: 2,
			Responders: []revocation.ResponderReport{{URL: "http://ocsp.acme.example", Breaker: "closed"}},
			Lists:      []revocation.ListReport{{CA: "acme", Name: "ca/acme.crl"}},
			Staples:    []revocation.StapleReport{{Subject: "CN=radius", Status: "good"}},
		}},
		Memory: webui.Memory{Heap: 3 << 20, Runtime: 12 << 20}, Fingerprint: "AA:BB",
		LastHour: &webui.LastHour{Accepted: 2, Rejected: 1, P95: 30, OCSPCached: 1, OCSPAsked: 2, AtLeast: true},
	})
	want := `ready
node oslo-1, gatehouse 1.0, up for 1h30m0s
configuration  generation 3, 12 users, RADIUS servers: a, b
radius         :1812: 9 requests, 2 accepted, 1 rejected, 1 sign-ins under way
  in the last hour at least 2 accepted, 1 rejected, 95 % within 30 ms; OCSP from memory 1 of 2
store          on disk, 12 users, 1.5 MiB
revocation     5 certificates known: 3 good, 1 revoked
web            certificate SHA-256 AA:BB
memory         3.0 MiB in use, 12.0 MiB from the system
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(- want, + got)\n%s", diff)
	}
}

func TestStatusOfTheStore(t *testing.T) {
	t.Parallel()
	since := statusNow.Add(-2 * time.Minute)
	for name, tt := range map[string]struct {
		store webui.Store
		want  string
	}{
		"disk": {webui.Store{Mode: "disk", Users: 100, Bytes: 10 << 20}, "store          on disk, 100 users, 10.0 MiB\n"},
		"rebuilt": {webui.Store{Mode: "disk", Users: 1, Rebuilt: 2, RebuiltWhy: "a checksum is wrong"},
			"store          on disk, 1 users, 0.0 MiB\n  rebuilt 2 times, last because a checksum is wrong\n"},
		"memory": {webui.Store{Mode: "memory", Users: 7, Since: since}, "store          in memory for 2m0s, 7 users\n"},
		"red": {webui.Store{Mode: "memory", Users: 7, Since: since, Red: true, Reason: "no space left on device"},
			"store          in memory for 2m0s, 7 users\n  RED: the disk cannot be used: no space left on device\n"},
	} {
		got := rendered(t, &webui.Status{Store: tt.store})
		_, got, _ = strings.Cut(got, "under way\n")
		got, _, _ = strings.Cut(got, "revocation ")
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

func TestStatusOfWhatExpires(t *testing.T) {
	t.Parallel()
	many := make([]webui.Expiring, 22)
	for i := range many {
		many[i] = webui.Expiring{Days: 30, Text: "x"}
	}
	for name, tt := range map[string]struct {
		expiring []webui.Expiring
		channels []webui.NoticeChannel
		want     string
	}{
		"nothing": {nil, []webui.NoticeChannel{{Name: "log", Sent: 3}}, ""},
		"colours": {[]webui.Expiring{
			{Days: -1, Text: "the CA certificate old has expired\x1b[2J"},
			{Days: 6, Text: "the SAML certificate wiki expires in 6 days", Link: "https://oslo-1.example:8443/saml/wiki/regenerate"},
			{Days: 7, Text: "the RADIUS server certificate main expires in 7 days"},
			{Days: 61, Text: "told earlier"},
		}, nil, `expires        3 within 60 days
  RED: the CA certificate old has expired\x1b[2J
  RED: the SAML certificate wiki expires in 6 days
    https://oslo-1.example:8443/saml/wiki/regenerate
  YELLOW: the RADIUS server certificate main expires in 7 days
`},
		"many": {many, nil, "expires        22 within 60 days\n" + strings.Repeat("  YELLOW: x\n", 20) +
			"  and 2 more: gatehouse status --json\n"},
		"channel": {nil, []webui.NoticeChannel{{Name: "mail", Waiting: 1, Problem: "sending mail: no TLS",
			Since: statusNow.Add(-3 * time.Hour)}},
			"notices        YELLOW: 1 notice by mail cannot be sent, the first try 3h0m ago: sending mail: no TLS\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := rendered(t, &webui.Status{Expiring: tt.expiring, Notices: webui.Notices{Channels: tt.channels}})
			_, got, _ = strings.Cut(got, "certificates known\n")
			got, _, _ = strings.Cut(got, "clock ")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(- want, + got)\n%s", diff)
			}
		})
	}
}

func TestStatusOfRevocation(t *testing.T) {
	t.Parallel()
	ago := func(d time.Duration) time.Time { return statusNow.Add(-d) }
	for name, tt := range map[string]struct {
		revocation webui.Revocation
		want       string
	}{
		"nothing": {webui.Revocation{}, "0 certificates known\n"},
		"grace": {webui.Revocation{Report: revocation.Report{
			Entries: 4, ByStatus: map[string]int{"good": 4}, Expired: 4, InGrace: 1, PastGrace: 2}},
			`4 certificates known: 4 good
  YELLOW: 1 certificate counts only by the grace: the answer has expired, and no new one can be had
  RED: 2 certificates count no more: the answer has expired, the grace is over, and no new one can be had
`},
		"breaker": {webui.Revocation{Report: revocation.Report{Responders: []revocation.ResponderReport{
			{URL: "http://a.example", Breaker: "open", LastError: "connecting to a.example: connection refused",
				OpenUntil: statusNow.Add(40 * time.Second), LastSuccess: ago(3 * time.Hour)},
			{URL: "http://b.example", Breaker: "half_open", LastError: "a web page\x1b[2J"},
		}}}, `0 certificates known
  RED: http://a.example fails: connecting to a.example: connection refused; last good answer 3h0m ago, next try in 40s
  RED: http://b.example fails: a web page\x1b[2J; last good answer never, next try with the next sign-in
`},
		"list": {webui.Revocation{Report: revocation.Report{Lists: []revocation.ListReport{
			{CA: "acme", Name: "ca/acme.crl", NextUpdate: ago(50 * time.Hour), Expired: true},
			{CA: "acme", Name: "http://acme.example/crl"},
		}}}, "0 certificates known\n  RED: the list ca/acme.crl of CA acme expired 2d2h ago\n"},
		"staple": {webui.Revocation{Report: revocation.Report{Staples: []revocation.StapleReport{
			{Subject: "CN=radius", Status: "none", Fault: "connection refused"},
			{Subject: "CN=old", Responder: "http://a.example", Status: "revoked"},
			{Subject: "CN=new", Status: "none"}, // not asked about yet
		}}}, `0 certificates known
  RED: no OCSP answer to give to devices with the server certificate CN=radius: connection refused
  RED: the server certificate CN=old is revoked, says http://a.example
`},
		"withdrawn": {webui.Revocation{Withdrawn: []webui.Withdrawal{
			{Serial: "01", CA: "acme", RevokedAt: ago(time.Hour), Sessions: []webui.OnlineSession{
				{Time: ago(2 * time.Hour), User: "bob", Station: "02-00-00-00-00-02", Client: "ap-floor1"}}},
			{Serial: "0A1B", CA: "acme", RevokedAt: ago(5 * time.Minute), Why: "keyCompromise",
				Sessions: []webui.OnlineSession{
					{Time: ago(30 * time.Minute), User: "carol", Station: "02-00-00-00-00-03"},
					{Time: ago(10 * time.Minute), User: "alice\r\nready"}}},
		}}, `0 certificates known
  RED: revoked while on-line: alice\r\nready at -, accepted 10m ago; certificate 0A1B of CA acme, revoked 5m ago (keyCompromise)
  RED: revoked while on-line: carol at 02-00-00-00-00-03, accepted 30m ago; certificate 0A1B of CA acme, revoked 5m ago (keyCompromise)
  RED: revoked while on-line: bob at 02-00-00-00-00-02, accepted 2h0m ago by ap-floor1; certificate 01 of CA acme, revoked 1h0m ago
`},
	} {
		got := rendered(t, &webui.Status{Revocation: tt.revocation})
		_, got, _ = strings.Cut(got, "\nrevocation     ")
		got, _, _ = strings.Cut(got, "clock  ")
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (- want, + got)\n%s", name, diff)
		}
	}
}

// TestStatusOfManyWithdrawn is that of an intermediate with everybody below it.
func TestStatusOfManyWithdrawn(t *testing.T) {
	t.Parallel()
	w := webui.Withdrawal{Serial: "01", CA: "acme", Sessions: make([]webui.OnlineSession, 256)}
	got := rendered(t, &webui.Status{Revocation: webui.Revocation{Withdrawn: []webui.Withdrawal{w}}})
	if n := strings.Count(got, "revoked while on-line"); n != 20 || !strings.Contains(got, "\n  and 236 more: gatehouse status --json\n") {
		t.Errorf("got %d of 256, want 20 and a line that says so:\n%s", n, got)
	}
}

func TestRelative(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "in 0s", 119 * time.Second: "in 119s", -2 * time.Minute: "2m ago", 59*time.Minute + 59*time.Second: "in 59m",
		25 * time.Hour: "in 25h0m", -50 * time.Hour: "2d2h ago", 2500 * time.Hour: "in 104d",
	} {
		if got := relative(statusNow.Add(d), statusNow); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
	if got := relative(time.Time{}, statusNow); got != "-" {
		t.Errorf("no time: got %q", got)
	}
}
