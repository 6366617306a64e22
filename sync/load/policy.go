package load

import (
	"crypto/tls"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/authcore/policy"
)

const policyFile = "policy.yaml"

// Bounds of the values of policy.yaml.
const (
	minFragment    = 100 // bytes; see policy.EAP
	maxFragment    = 4000
	minRejectDelay = 500 * time.Millisecond
	maxRejectDelay = 5 * time.Second    // most NASes ask again after that
	maxSessionLife = 7 * 24 * time.Hour // of a TLS 1.3 ticket (RFC 8446 §4.6.1)
)

// policyYAML is the form of policy.yaml. Its zero values are never used: fromPolicy fills in
// the defaults before decoding.
type policyYAML struct {
	EAP struct {
		Methods         []string      `yaml:"methods"`
		TLSMin          string        `yaml:"tls_min"`
		TLSMax          string        `yaml:"tls_max"`
		FragmentSize    int           `yaml:"fragment_size"`
		SessionLifetime time.Duration `yaml:"session_lifetime"`
		RejectDelay     time.Duration `yaml:"reject_delay"`
		CAHints         bool          `yaml:"ca_hints"`
		PostQuantum     bool          `yaml:"post_quantum"`
	} `yaml:"eap"`
	Identity struct {
		Order             []string `yaml:"order"`
		FoldLocalPart     bool     `yaml:"fold_local_part"`
		RequireClientAuth bool     `yaml:"require_client_auth"`
		AllowEAPOverLAN   bool     `yaml:"allow_eap_over_lan"`
	} `yaml:"identity"`
	Revocation revocationYAML `yaml:"revocation"`
	Clock      struct {
		WhenUnsure string `yaml:"when_unsure"`
	} `yaml:"clock"`
	Password struct {
		TOTPSeparator string `yaml:"totp_separator"`
		Lockout       struct {
			After int           `yaml:"after"`
			For   time.Duration `yaml:"for"`
		} `yaml:"lockout"`
	} `yaml:"password"`
	Notices struct {
		Days    []int    `yaml:"days"`
		Webhook string   `yaml:"webhook"`
		SMTP    smtpYAML `yaml:"smtp"`
	} `yaml:"notices"`
	Groups struct {
		Priority []string `yaml:"priority"`
	} `yaml:"groups"`
	AllowEmpty bool `yaml:"allow_empty"`
}

type smtpYAML struct {
	Address      string   `yaml:"address"`
	From         string   `yaml:"from"`
	To           []string `yaml:"to"`
	Username     string   `yaml:"username"`
	PasswordFile string   `yaml:"password_file"`
	PasswordRef  string   `yaml:"password_ref"`
}

var tlsVersions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// readPolicy reads policy.yaml over the defaults. A missing file is all defaults. The document
// is nil if there is none that can be read.
func readPolicy(o *object, t *tree) (policy.Policy, *document) {
	p := policy.Default()
	if err := t.unreadable[policyFile]; err != nil {
		o.fail(policyFile, 0, "the file cannot be read: "+err.Error(), "")
		return p, nil
	}
	if !t.files[policyFile] {
		return p, nil
	}
	y := fromPolicy(&p)
	d := o.decode(t, policyFile, y)
	if d == nil {
		return p, nil
	}
	d.eap(y, &p.EAP)
	d.identity(y, &p.Identity)
	p.Revocation = d.revocation("revocation", &y.Revocation)
	d.oneOf("clock.when_unsure", y.Clock.WhenUnsure, "reject", "accept_cached")
	p.Clock.WhenUnsure = y.Clock.WhenUnsure
	d.password(y, &p.Password)
	d.notices(y, &p.Notices)
	d.names("groups.priority", y.Groups.Priority)
	p.Groups.Priority = y.Groups.Priority
	p.AllowEmpty = y.AllowEmpty
	return p, d
}

// fromPolicy turns the defaults into their YAML form.
func fromPolicy(p *policy.Policy) *policyYAML {
	y := &policyYAML{Revocation: fromRevocation(&p.Revocation), AllowEmpty: p.AllowEmpty}
	y.EAP.Methods = toStrings(p.EAP.Methods)
	y.EAP.TLSMin, y.EAP.TLSMax = "1.2", "1.3"
	y.EAP.FragmentSize, y.EAP.SessionLifetime = p.EAP.FragmentSize, p.EAP.SessionLifetime
	y.EAP.RejectDelay, y.EAP.CAHints = p.EAP.RejectDelay, p.EAP.CAHints
	y.EAP.PostQuantum = p.EAP.PostQuantum
	y.Identity.Order = toStrings(p.Identity.Order)
	y.Identity.FoldLocalPart = p.Identity.FoldLocalPart
	y.Identity.RequireClientAuth = p.Identity.RequireClientAuth
	y.Identity.AllowEAPOverLAN = p.Identity.AllowEAPOverLAN
	y.Clock.WhenUnsure = p.Clock.WhenUnsure
	y.Password.TOTPSeparator = p.Password.TOTPSeparator
	y.Password.Lockout.After, y.Password.Lockout.For = p.Password.LockoutAfter, p.Password.LockoutFor
	y.Notices.Days = p.Notices.Days
	return y
}

func (d *document) eap(y *policyYAML, p *policy.EAP) {
	d.words("eap.methods", y.EAP.Methods,
		string(policy.MethodTLS), string(policy.MethodTTLS), string(policy.MethodPEAP))
	p.Methods = fromStrings[policy.EAPMethod](y.EAP.Methods)
	okMin := d.oneOf("eap.tls_min", y.EAP.TLSMin, "1.2", "1.3")
	okMax := d.oneOf("eap.tls_max", y.EAP.TLSMax, "1.2", "1.3")
	p.TLSMin, p.TLSMax = tlsVersions[y.EAP.TLSMin], tlsVersions[y.EAP.TLSMax]
	if okMin && okMax && p.TLSMin > p.TLSMax {
		d.report(Error, "eap.tls_min", "tls_min is above tls_max", "")
	}
	d.number("eap.fragment_size", y.EAP.FragmentSize, minFragment, maxFragment)
	d.within("eap.session_lifetime", y.EAP.SessionLifetime, 0, maxSessionLife)
	d.within("eap.reject_delay", y.EAP.RejectDelay, minRejectDelay, maxRejectDelay)
	p.FragmentSize, p.SessionLifetime = y.EAP.FragmentSize, y.EAP.SessionLifetime
	p.RejectDelay, p.CAHints, p.PostQuantum = y.EAP.RejectDelay, y.EAP.CAHints, y.EAP.PostQuantum
}

func (d *document) identity(y *policyYAML, p *policy.Identity) {
	d.words("identity.order", y.Identity.Order, string(policy.SANEmail), string(policy.SANUPN),
		string(policy.DNEmail), string(policy.CN), string(policy.SANDNS))
	*p = policy.Identity{
		Order:             fromStrings[policy.NameKind](y.Identity.Order),
		FoldLocalPart:     y.Identity.FoldLocalPart,
		RequireClientAuth: y.Identity.RequireClientAuth,
		AllowEAPOverLAN:   y.Identity.AllowEAPOverLAN,
	}
}

func (d *document) password(y *policyYAML, p *policy.Password) {
	sep := y.Password.TOTPSeparator
	if utf8.RuneCountInString(sep) != 1 || strings.ContainsAny(sep, "0123456789\x00\r\n\t ") {
		d.report(Error, "password.totp_separator", "totp_separator is not one character that is no digit and no space", `write ","`)
	}
	d.number("password.lockout.after", y.Password.Lockout.After, 1, 1000)
	d.within("password.lockout.for", y.Password.Lockout.For, time.Second, 30*24*time.Hour)
	*p = policy.Password{TOTPSeparator: sep,
		LockoutAfter: y.Password.Lockout.After, LockoutFor: y.Password.Lockout.For}
}

func (d *document) notices(y *policyYAML, p *policy.Notices) {
	for i, days := range y.Notices.Days {
		at := fmt.Sprintf("notices.days[%d]", i)
		d.number(at, days, 0, 3650)
		if slices.Contains(y.Notices.Days[:i], days) {
			d.report(Error, at, fmt.Sprintf("%d stands here twice", days), "")
		}
	}
	d.url("notices.webhook", y.Notices.Webhook)
	m := &y.Notices.SMTP
	if m.Address != "" {
		if i := strings.LastIndexByte(m.Address, ':'); i < 1 || i == len(m.Address)-1 {
			d.report(Error, "notices.smtp.address", "address is not HOST:PORT", `write "mail.example:587"`)
		}
		if m.From == "" || len(m.To) == 0 {
			d.report(Error, "notices.smtp", "mail needs both from and to", "")
		}
	}
	for i, to := range m.To {
		d.mailbox(fmt.Sprintf("notices.smtp.to[%d]", i), to)
	}
	if m.From != "" {
		d.mailbox("notices.smtp.from", m.From)
	}
	*p = policy.Notices{Days: y.Notices.Days, Webhook: y.Notices.Webhook, SMTP: policy.SMTP{
		Address: m.Address, From: m.From, To: m.To, Username: m.Username,
		Password: d.secret("notices.smtp.password", given{file: m.PasswordFile, ref: m.PasswordRef}),
	}}
}

// url checks an HTTP address that may be empty.
func (d *document) url(path, s string) {
	if s == "" {
		return
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		d.report(Error, path, leaf(path)+" is no address", "write https://HOST/…")
	}
}

func (d *document) mailbox(path, s string) {
	if !isMailbox(s) {
		d.report(Error, path, fmt.Sprintf("%q is no e-mail address", clip(s)), "")
	}
}

func toStrings[S ~string](in []S) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = string(s)
	}
	return out
}

func fromStrings[S ~string](in []string) []S {
	out := make([]S, len(in))
	for i, s := range in {
		out[i] = S(s)
	}
	return out
}
