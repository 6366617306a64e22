package webui_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse/webui"
)

func TestIdentitiesAreShortened(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 256) + "…" // as audit.Printable cuts
	for _, tt := range []struct{ in, want string }{
		{"", ""}, {"a", "…"}, {"al", "…"}, {"bob", "b…"}, {"alice", "al…"}, {"…", "…"}, {long, "xx…"}, {"äöü", "ä…"}, {"日本語の", "日本…"},
		{"alice.miller@example.com", "al…@example.com"}, {"a@b@example.com", "a…@example.com"}, {"@example.com", "@example.com"},
		{"bo@example.com", "…@example.com"}, {`ACME\alice`, "AC…"}, {"host/pc17.acme.example", "host/pc….acme.example"},
		{"host/pc17", "host/pc…"}, {"Alice Adams", "Al…"}, {"\xff\xfe\xfd\xfc", "\xff\xfe…"},
	} {
		got := webui.ShortIdentity(tt.in)
		if got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
		if again := webui.ShortIdentity(got); again != got {
			t.Errorf("%q: shortened twice it is %q", tt.in, again)
		}
	}
}

func TestStationsAreShortened(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"02-00-5E-10-00-01": "02-00-5E…", "02:00:5e:10:00:01": "02:00:5e…", "0200.5e10.0001": "0200.5e…", "02005e100001": "02005e…",
		"": "", "192.0.2.7": "19…", "alice": "al…", "02-00-5E-10-00-01-77": "02…",
	} {
		got := webui.ShortStation(in)
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
		if again := webui.ShortStation(got); again != got {
			t.Errorf("%q: shortened twice it is %q", in, again)
		}
	}
}

// TestSentencesAreShortened takes sentences as decisions and findings have them.
func TestSentencesAreShortened(t *testing.T) {
	t.Parallel()
	names := []string{"alice", "anonymous@acme.example", "02-00-5E-10-00-01", "Bob Miller"}
	for _, tt := range []struct{ in, want string }{
		{"user alice is suspended", "user al… is suspended"},
		{"certificate of ALICE.", "certificate of AL…."},
		{"malice is no name", "malice is no name"},
		{"Bob Miller by cn", "Bo… by cn"},
		{`no user has the username "carol" (cn) or the e-mail address or alias "carol@acme.example" (san_email)`,
			`no user has the username "ca…" (cn) or the e-mail address or alias "ca…@acme.example" (san_email)`},
		{`the person's certificate "carol" (serial 371726236429f9, issued by "CN=Partner CA,O=Lab"): expired 3 days ago`,
			`the person's certificate "ca…" (serial 371726…, issued by "CN=Partner CA,O=Lab"): expired 3 days ago`},
		{`the person's certificate "carol" (serial 37, issued by "CN=carol,O=Acme"): its issuer "CN=carol,O=Acme" is unknown`,
			`the person's certificate "ca…" (serial 37, issued by "CN=ca…,O=Acme"): its issuer "CN=ca…,O=Acme" is unknown`},
		{`its issuer "CN=Partner CA" is unknown`, `its issuer "CN=Partner CA" is unknown`},
		{`the person's certificate "emailAddress=carol@acme.example,CN=carol+OU=Lab,O=Acme" is weak`,
			`the person's certificate "emailAddress=ca…@acme.example,CN=ca…,O=Acme" is weak`},
		{`"ca\"rol" is odd`, `"ca…" is odd`}, {`never closed "carol`, `never closed "ca…`}, {`a@b and <carol@x.example>, both`, `…@b and <ca…@x.example>, both`},
		{"from 02-00-5e-10-00-01: again", "from 02-00-5e…: again"},
		{"asked http://ocsp.acme.example just now", "asked http://ocsp.acme.example just now"},
	} {
		if got := webui.ShortText(tt.in, names...); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

// FuzzShortText looks for a quoted name that is there still, and for text that is no longer one.
func FuzzShortText(f *testing.F) {
	f.Add(`user "`, `" is "x`)
	f.Add(`a "b\`, ` serial 12`)
	f.Fuzz(func(t *testing.T, before, after string) {
		const name = "canary.of.the.mine"
		if strings.Count(before, `"`)%2 != 0 || strings.ContainsAny(before+after, `\=@`) || strings.Contains(before, "A ") ||
			strings.HasSuffix(before, " ") {
			return // what stands before the quotation says whose it is
		}
		got := webui.ShortText(before+`"`+name+`"`+after, "somebody")
		if strings.Contains(got, name) && !strings.Contains(before+after, name) {
			t.Errorf("%q", got)
		}
		if valid := utf8.ValidString(before) && utf8.ValidString(after); valid && !utf8.ValidString(got) {
			t.Errorf("%q is no text", got)
		}
	})
}
