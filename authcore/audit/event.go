package audit

import (
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Result is what became of a request. The zero value is no result; a Decision that was never
// made counts as a reject.
type Result string

// The three results.
const (
	Accept  Result = "accept"
	Reject  Result = "reject"
	Discard Result = "discard"
)

// Method names how a person proved who they are, as in the log.
type Method string

// The methods that exist so far.
const (
	MethodEAPTLS   Method = "eap-tls"
	MethodSAMLCert Method = "saml-cert" // a TLS client certificate at the sign-in listener
)

// An Event is one finished decision: every conversation ends in exactly one, and sampled
// discards are told as Events too. Empty fields are left out of the log line. Text from
// strangers must have passed Printable.
type Event struct {
	Time          time.Time
	Result        Result
	Reason        Reason
	Server        string // name of the RADIUS server; saml/NAME for an app
	Client        string // name of the client entry
	NAS           string // address the request came from
	Station       string // Calling-Station-Id
	User          string // username of the account, once known
	OuterIdentity string
	Method        Method
	TLSVersion    string // "1.2" or "1.3"
	Resumed       bool
	CertSHA256    string // of the user certificate, lower hex
	CA            string // name of the CA that vouched
	OCSP          string // good, revoked, unknown, none or off
	OCSPSource    string // responder, cache, grace or crl
	OCSPAge       time.Duration
	Duration      time.Duration // from the first packet to the decision
	Rounds        int           // requests of this conversation
	Generation    uint64        // of the Snapshot that decided
	Detail        string
	Ladder        Ladder
	Count         int // of a sampled discard: how many it stands for; zero: one
}

// Sink takes Events. Record must not block for long and must be safe for concurrent use; it
// may keep the Event.
type Sink interface {
	Record(Event)
}

// Attrs returns the fields of the decision log line (time, level and msg are the logger's).
func (e Event) Attrs() []slog.Attr {
	a := make([]slog.Attr, 0, 20)
	str := func(key, value string) {
		if value != "" {
			a = append(a, slog.String(key, value))
		}
	}
	str("result", string(e.Result))
	str("reason", string(e.Reason))
	str("server", e.Server)
	str("client", e.Client)
	str("nas", e.NAS)
	str("station", e.Station)
	str("user", e.User)
	str("outer_identity", e.OuterIdentity)
	str("method", string(e.Method))
	str("tls_version", e.TLSVersion)
	if e.Method != "" {
		a = append(a, slog.Bool("resumed", e.Resumed))
	}
	str("cert_sha256", e.CertSHA256)
	str("ca", e.CA)
	str("ocsp", e.OCSP)
	if e.OCSPSource != "" {
		a = append(a, slog.String("ocsp_source", e.OCSPSource),
			slog.Int64("ocsp_age_s", int64(e.OCSPAge/time.Second)))
	}
	if e.Result != Discard {
		ms := float64(e.Duration.Microseconds()) / 1000
		a = append(a, slog.Float64("duration_ms", ms), slog.Int("rounds", e.Rounds),
			slog.Uint64("generation", e.Generation))
	}
	if e.Count > 1 {
		a = append(a, slog.Int("count", e.Count))
	}
	str("detail", e.Detail)
	return a
}

// maxPrintable bounds, in runes, what one string from a stranger may add to a line.
const maxPrintable = 256

// Printable makes text from a stranger fit to be shown: control, format (bidi) and invalid
// characters become escapes, and what exceeds 256 characters is cut and marked.
func Printable(s string) string {
	clean := true
	for i, r := range s {
		if i >= maxPrintable || r == utf8.RuneError || !shown(r) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	n := 0
	for len(s) > 0 {
		if n == maxPrintable {
			b.WriteString("…")
			break
		}
		n++
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[0]>>4), 16) + strconv.FormatUint(uint64(s[0]&15), 16))
		case !shown(r):
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			b.WriteRune(r)
		}
		s = s[size:]
	}
	return b.String()
}

func shown(r rune) bool { return r != '\\' && unicode.IsPrint(r) }
