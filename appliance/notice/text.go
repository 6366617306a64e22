package notice

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// kinds holds what people are told by kind.
var kinds = map[Kind]struct{ what, remedy, linkText string }{
	CA: {"the CA certificate", "Devices whose certificates it vouches for are refused from then on. " +
		"Ask the CA for its renewed certificate and put it into the CA's file, beside the old one.", "Replace CA certificate"},
	Server: {"the RADIUS server certificate", "Devices will not connect to the network from then on. " +
		"Put a new certificate and its key into the credential's folder.", "Replace certificate"},
	CRL: {"the certificate revocation list", "It says nothing from then on, and devices that depend on it " +
		"are refused. Put the CA's current list into its place.", "Replace list"},
	SAML: {"the SAML certificate", "The app refuses sign-ins from then on. Regenerate the certificate, " +
		"and give the app the new one.", "Regenerate certificate"},
}

// expiring says for people and programs what becomes of i.
func (i *Item) expiring(now time.Time, base string) Expiring {
	k, ok := kinds[i.Kind]
	if !ok {
		k.what, k.remedy, k.linkText = "the certificate", "Replace it.", "Replace certificate"
	}
	name := i.Name
	if i.Subject != "" && i.Subject != i.Name {
		name += " (" + i.Subject + ")"
	}
	e := Expiring{
		Kind: i.Kind, Name: i.Name, Subject: i.Subject, NotAfter: i.NotAfter.UTC(),
		Fingerprint: hex.EncodeToString(i.Fingerprint[:]), Days: i.daysLeft(now),
		Remedy: k.remedy, Link: link(base, i.Page),
	}
	if e.Link != "" {
		e.LinkText = k.linkText
	}
	e.Text = fmt.Sprintf("%s %s %s, on %s", k.what, name, e.when(), e.NotAfter.Format("2006-01-02 15:04 UTC"))
	return e
}

// when says how soon it ends.
func (e *Expiring) when() string {
	switch {
	case e.Days < -2:
		return fmt.Sprintf("expired %d days ago", -e.Days-1)
	case e.Days == -2:
		return "expired 1 day ago"
	case e.Days == -1:
		return "has expired"
	case e.Days == 0:
		return "expires in less than a day"
	case e.Days == 1:
		return "expires in 1 day"
	}
	return fmt.Sprintf("expires in %d days", e.Days)
}

// link returns the address of page, or "" if base is none.
func link(base, page string) string {
	u, err := url.Parse(base)
	if base == "" || err != nil || u.Host == "" {
		return ""
	}
	u.User = nil
	return u.JoinPath(page).String()
}

// headline is what a message is about, in one line.
func (m *Message) headline() string {
	first := m.Notices[0].Text
	if n := len(m.Notices) - 1; n > 0 {
		first = fmt.Sprintf("%s, and %d more", first, n)
	}
	return "Gatehouse " + m.Node + ": " + first
}

// body is the message for people.
func (m *Message) body() string {
	var b strings.Builder
	fmt.Fprintf(&b, "On the gateway %s:\n", m.Node)
	for _, e := range m.Notices {
		fmt.Fprintf(&b, "\n* %s.\n  %s\n", upper(e.Text), e.Remedy)
		if e.Link != "" {
			fmt.Fprintf(&b, "  %s: %s\n", e.LinkText, e.Link)
		}
		fmt.Fprintf(&b, "  SHA-256 %s\n", e.Fingerprint)
	}
	b.WriteString("\nWhere a signed bundle is in force, mend it where the bundle is made.\n")
	return b.String()
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
