package pki

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"strings"
	"time"

	"gatehouse/authcore/audit"
)

// expiryWarning is how long before its end a certificate of ours is worth a warning.
const expiryWarning = 60 * 24 * time.Hour

// maxSerialDigits bounds the hexadecimal digits of a serial number that are shown.
const maxSerialDigits = 40

// Describe names c for people in one short line: its subject (or, if that is empty, its first
// alternative name), its serial number and its issuer. What strangers wrote is escaped.
func Describe(c *x509.Certificate) string {
	return fmt.Sprintf("%q (serial %s, issued by %q)", subjectOf(c), serialOf(c.SerialNumber), distinguishedName(c.RawIssuer))
}

// subjectOf is the name that c is known by: the common name if there is one, else an
// alternative name, else the whole distinguished name.
func subjectOf(c *x509.Certificate) string {
	if cn := strings.TrimSpace(c.Subject.CommonName); cn != "" {
		return printable(cn)
	}
	if names, err := AlternativeNames(c); err == nil {
		for _, n := range names {
			if n.Form == RFC822Name || n.Form == DNSName || n.IsUPN() {
				return printable(string(n.Value))
			}
		}
	}
	if c.IsCA || len(c.Subject.Names) > 0 {
		return distinguishedName(c.RawSubject)
	}
	return "no name"
}

// distinguishedName shows a name as RFC 4514 spells it, escaped.
func distinguishedName(raw []byte) string {
	rdns, err := parseName(raw)
	if err != nil || len(rdns) == 0 {
		return "no name"
	}
	var parts []string
	for i := len(rdns) - 1; i >= 0; i-- {
		var attrs []string
		for _, a := range rdns[i] {
			if a.text != "" {
				attrs = append(attrs, attributeLabel(a.oid)+"="+a.text)
			}
		}
		if len(attrs) > 0 {
			parts = append(parts, strings.Join(attrs, "+"))
		}
	}
	return printable(strings.Join(parts, ","))
}

// attributeLabel is the short name of a distinguished name attribute, else its number.
func attributeLabel(oid string) string {
	switch oid {
	case "2.5.4.3":
		return "CN"
	case "2.5.4.5":
		return "SERIALNUMBER"
	case "2.5.4.6":
		return "C"
	case "2.5.4.7":
		return "L"
	case "2.5.4.8":
		return "ST"
	case "2.5.4.10":
		return "O"
	case "2.5.4.11":
		return "OU"
	case oidEmailAddress:
		return "emailAddress"
	case "0.9.2342.19200300.100.1.25":
		return "DC"
	case "0.9.2342.19200300.100.1.1":
		return "UID"
	}
	return oid
}

// serialOf is a serial number in hexadecimal, cut if a CA made it absurdly long. Negative ones
// keep their sign.
func serialOf(n *big.Int) string {
	if n == nil {
		return "none"
	}
	if n.BitLen() > 8*1024 {
		return "of " + fmt.Sprint(n.BitLen()) + " bits"
	}
	s := n.Text(16)
	if len(s) > maxSerialDigits {
		s = s[:maxSerialDigits] + "…"
	}
	return s
}

func printable(s string) string { return audit.Printable(s) }

// day is a moment as details show it.
func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// span says how long d is, in the unit that a person would use. Negative counts as positive.
func span(d time.Duration) string {
	const (
		dayLength  = 24 * time.Hour
		yearLength = 365*dayLength + 6*time.Hour
	)
	if d < 0 {
		d = -d
	}
	count := func(n int64, unit string) string {
		if n == 1 {
			return "1 " + unit
		}
		return fmt.Sprintf("%d %ss", n, unit)
	}
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < 2*time.Hour:
		return count(int64(d/time.Minute), "minute")
	case d < 2*dayLength:
		return count(int64(d/time.Hour), "hour")
	case d < 90*dayLength:
		return count(int64(d/dayLength), "day")
	case d < 2*yearLength:
		return count(int64(d/(yearLength/12)), "month")
	}
	return count(int64(d/yearLength), "year")
}

// oidText is the dotted form of an object identifier, bounded.
func oidText(oid asn1.ObjectIdentifier) string { return printable(oid.String()) }
