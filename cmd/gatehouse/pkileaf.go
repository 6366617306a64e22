package main

import (
	"encoding/asn1"
	"math/big"
	"net/netip"
	"strings"
	"time"

	"gatehouse/authcore/pki/lab"
)

const day = 24 * time.Hour

// leaf issues the certificate that the flags describe.
func (f *pkiIssueFlags) leaf(ca *lab.CA) (*lab.Leaf, error) {
	options, err := f.options()
	if err != nil {
		return nil, err
	}
	names, err := parseNames(f.sans)
	if err != nil {
		return nil, err
	}
	if f.kind == kindServer {
		return ca.IssueServer(lab.ServerOptions{
			Options: options, DNSNames: []string{f.name}, CommonName: f.cn, Addresses: names,
		})
	}
	user := lab.UserOptions{
		Options: options, Identity: f.name, Organization: f.org, CommonName: f.cn,
		NoSubject: f.noSubject, Names: names, CriticalNames: f.criticalNames,
		NoDigitalSignature: f.noDigitalSignature, CA: f.isCA,
	}
	if user.Kind, err = parseIssueKind(f.kind); err != nil {
		return nil, err
	}
	if f.emptyCN && user.Kind != lab.EmailDN {
		user.CommonNames = []string{""}
	}
	if f.unknownCritical {
		user.CriticalExtension = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1} // nobody's
	}
	return ca.IssueUser(user)
}

// options are what user certificates and server credentials have in common.
func (f *pkiIssueFlags) options() (lab.Options, error) {
	kind, err := parseKeyKind("--key", f.key)
	if err != nil {
		return lab.Options{}, err
	}
	o := lab.Options{
		KeyKind: kind, OCSP: f.ocsp, CRL: f.crl, NoUsages: f.noUsage, NoKeyIDs: f.noKeyIDs,
		SHA1: f.sha1, Damaged: f.damaged,
	}
	if f.pilot {
		o.OCSP = append(o.OCSP, lab.PilotOCSP)
	}
	if f.negativeSerial {
		o.Serial = big.NewInt(-12345)
	}
	switch {
	case f.wrongPurpose:
		o.Usages = []asn1.ObjectIdentifier{lab.CodeSign}
	case f.eapOverLAN:
		o.Usages = []asn1.ObjectIdentifier{lab.EAPOverLAN}
	}
	f.dates(&o, time.Now())
	return o, nil
}

// dates sets when the certificate is valid, seen from now. What stays zero is up to lab.
func (f *pkiIssueFlags) dates(o *lab.Options, now time.Time) {
	life := time.Duration(f.days) * day
	switch {
	case f.expired:
		o.NotAfter = now.Add(-day)
		if life == 0 {
			life = 30 * day
		}
		o.NotBefore = o.NotAfter.Add(-life)
		return
	case f.notYetValid:
		o.NotBefore = now.Add(day)
	case life > 0:
		o.NotBefore = now.Add(-5 * time.Minute)
	}
	if life > 0 {
		o.NotAfter = o.NotBefore.Add(life)
	}
}

// kindServer is the one kind that is no user certificate.
const kindServer = "server"

var issueKinds = []struct {
	name string
	kind lab.UserKind
}{
	{"email-san", lab.EmailSAN}, {"email-dn", lab.EmailDN}, {"username-cn", lab.UsernameCN},
	{"upn", lab.UserUPN}, {"machine", lab.MachineDNS},
}

func issueKindNames() []string {
	var names []string
	for _, k := range issueKinds {
		names = append(names, k.name)
	}
	return append(names, kindServer)
}

func parseIssueKind(s string) (lab.UserKind, error) {
	for _, k := range issueKinds {
		if k.name == s {
			return k.kind, nil
		}
	}
	return 0, unknownValue("--kind", s, issueKindNames())
}

// parseNames reads the values of --san.
func parseNames(values []string) ([]lab.GeneralName, error) {
	var names []lab.GeneralName
	for _, v := range values {
		kind, value, _ := strings.Cut(v, ":")
		switch kind {
		case "email":
			names = append(names, lab.Email(value))
		case "dns":
			names = append(names, lab.DNS(value))
		case "upn":
			names = append(names, lab.UPN(value))
		case "ip":
			addr, err := netip.ParseAddr(value)
			if err != nil {
				return nil, usagef("--san %q: %w", v, err)
			}
			names = append(names, lab.IP(addr))
		default:
			return nil, usagef("--san %q begins with none of email:, dns:, upn: and ip:", v)
		}
	}
	return names, nil
}
