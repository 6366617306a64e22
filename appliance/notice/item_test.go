package notice_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/notice"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestWhatExpiresSoon shows at which distance what is told, by how long it lasts in all.
func TestWhatExpiresSoon(t *testing.T) {
	t.Parallel()
	days := []int{60, 30, 7, 1}
	for name, tt := range map[string]struct {
		kind       notice.Kind
		life, left time.Duration
		want       bool
	}{
		"too_early":           {notice.CA, 365 * day, 60*day + 1, false},
		"at_the_first_stage":  {notice.CA, 365 * day, 60 * day, true},
		"expired":             {notice.CA, 365 * day, -1, true},
		"at_its_end":          {notice.CA, 365 * day, 0, true},
		"new_and_short":       {notice.Server, 30 * day, 29 * day, false},
		"short_and_old":       {notice.Server, 30 * day, 7 * day, true},
		"unknown_life":        {notice.Server, 0, 60 * day, true},
		"new_weekly_list":     {notice.CRL, 7 * day, 6 * day, false},
		"old_weekly_list":     {notice.CRL, 7 * day, day, true},
		"list_of_half_a_year": {notice.CRL, 180 * day, 60 * day, true},
		"list_of_a_month":     {notice.CRL, 31 * day, 8 * day, false},
		"daily_list":          {notice.CRL, day, time.Hour, false},
		"daily_list_overdue":  {notice.CRL, day, -time.Hour, true},
		"in_three_centuries":  {notice.CA, 0, 1<<63 - 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := notice.Item{Kind: tt.kind, Name: "x", NotAfter: noon.Add(tt.left)}
			if tt.life > 0 {
				i.NotBefore = i.NotAfter.Add(-tt.life)
			}
			if got := len(notice.Soon([]notice.Item{i}, noon, days, "")) == 1; got != tt.want {
				t.Errorf("Soon: got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestWhatExpiresWithin60Days is shown, whatever is told.
func TestWhatExpiresWithin60Days(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		days []int
		left time.Duration
		want bool
	}{
		"off":          {nil, 60 * day, true},
		"late_notices": {[]int{7}, 59 * day, true},
		"later":        {[]int{7}, 60*day + 1, false},
		"early":        {[]int{90}, 89 * day, true},
		"none":         {[]int{0}, 10 * day, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := notice.Item{Kind: notice.CA, Name: "x", NotAfter: noon.Add(tt.left)}
			if got := len(notice.Soon([]notice.Item{i}, noon, tt.days, "")) == 1; got != tt.want {
				t.Errorf("Soon: got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestWhatPeopleAreTold(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		item notice.Item
		want string // text | link
	}{
		"server": {notice.Item{Kind: notice.Server, Name: "ecdsa", Subject: "radius.acme.example", NotAfter: noon.Add(7 * day), Page: "/server/ecdsa"},
			"the RADIUS server certificate ecdsa (radius.acme.example) expires in 7 days, on 2026-03-08 12:00 UTC | https://oslo-1.example:8443/ui/server/ecdsa"},
		"ca": {notice.Item{Kind: notice.CA, Name: "acme", Subject: "acme", NotAfter: noon.Add(36 * time.Hour), Page: "/ca/a b?"},
			"the CA certificate acme expires in 1 day, on 2026-03-03 00:00 UTC | https://oslo-1.example:8443/ui/ca/a%20b%3F"},
		"list": {notice.Item{Kind: notice.CRL, Name: "acme", NotAfter: noon.Add(time.Hour)},
			"the certificate revocation list acme expires in less than a day, on 2026-03-01 13:00 UTC | https://oslo-1.example:8443/ui"},
		"expired": {notice.Item{Kind: notice.SAML, Name: "wiki", NotAfter: noon.Add(-1)},
			"the SAML certificate wiki has expired, on 2026-03-01 11:59 UTC | https://oslo-1.example:8443/ui"},
		"long_expired": {notice.Item{Kind: notice.Server, Name: "ecdsa", NotAfter: noon.Add(-3*day - 1)},
			"the RADIUS server certificate ecdsa expired 3 days ago, on 2026-02-26 11:59 UTC | https://oslo-1.example:8443/ui"},
		"hostile": {notice.Item{Kind: notice.CA, Name: "a", Subject: "x\r\nBcc: y@z.example\x1b[2J", NotAfter: noon.Add(day)},
			`the CA certificate a (x\r\nBcc: y@z.example\x1b[2J) expires in 1 day, on 2026-03-02 12:00 UTC | https://oslo-1.example:8443/ui`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := notice.Soon([]notice.Item{tt.item}, noon, []int{60}, "https://user:pass@oslo-1.example:8443/ui")
			if len(got) != 1 {
				t.Fatalf("Soon: got %d, want 1", len(got))
			}
			if diff := cmp.Diff(tt.want, got[0].Text+" | "+got[0].Link); diff != "" {
				t.Errorf("(- want, + got)\n%s", diff)
			}
			if got[0].Remedy == "" {
				t.Error("no word of what to do")
			}
		})
	}
}

func TestLogSaysWhatExpires(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	log := notice.Log{Logger: slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "remedy" || a.Key == "sha256" {
				return slog.Attr{}
			}
			return a
		},
	}))}
	items := []notice.Item{
		{Kind: notice.Server, Name: "rsa", Subject: "r.example", NotAfter: noon.Add(7 * day), Page: "/server/rsa"},
		{Kind: notice.CRL, Name: "acme", NotAfter: noon.Add(-day), Fingerprint: [32]byte{1}},
	}
	m := &notice.Message{Node: "oslo-1", At: noon, Notices: notice.Soon(items, noon, []int{60}, "https://o.example")}
	if err := log.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	want := `{"level":"WARN","msg":"revocation list has expired","kind":"crl","name":"acme","subject":"","not_after":"2026-02-28T12:00:00Z","days":-2,"link":"https://o.example"}
{"level":"WARN","msg":"certificate expires","kind":"server","name":"rsa","subject":"r.example","not_after":"2026-03-08T12:00:00Z","days":7,"link":"https://o.example/server/rsa"}
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(- want, + got)\n%s", diff)
	}
}
