package pki_test

import (
	"encoding/asn1"
	"testing"

	"gatehouse/authcore/pki"
	"gatehouse/authcore/pki/lab"
)

func TestCV1ExtendedKeyUsage(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	strict := pki.Options{Now: now, RequireClientAuth: true}
	eap := pki.Options{Now: now, RequireClientAuth: true, AllowEAPOverLAN: true}
	loose := pki.Options{Now: now}
	tests := []struct {
		name   string
		usages []asn1.ObjectIdentifier // nil: none
		opt    pki.Options
		detail string // empty: accepted
	}{
		{"client_auth", usage(lab.ClientAuth), strict, ""},
		{"any", usage(lab.AnyUsage), strict, ""},
		{"several", []asn1.ObjectIdentifier{lab.CodeSign, lab.ClientAuth}, strict, ""},
		{"none_strict", nil, strict, "has no extended key usage"},
		{"none_eap_strict", nil, eap, "has no extended key usage"},
		{"none_loose", nil, loose, ""},
		{"server_auth", usage(lab.ServerAuth), eap, "does not name clientAuth"},
		{"server_auth_loose", usage(lab.ServerAuth), loose, "does not name clientAuth"},
		{"eap_over_lan", usage(lab.EAPOverLAN), eap, ""},
		{"eap_over_lan_strict", usage(lab.EAPOverLAN), strict, "allow_eap_over_lan"},
		{"eap_over_lan_loose", usage(lab.EAPOverLAN), loose, "allow_eap_over_lan"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			leaf := user(t, root, lab.UserOptions{Options: lab.Options{Usages: tt.usages, NoUsages: tt.usages == nil}})
			p, err := trust(t, root.Certificate).Verify(leaf.Presented(), tt.opt)
			if tt.detail == "" {
				checkAccepted(t, p, err, leaf.Certificate, root.Certificate)
				return
			}
			checkRefused(t, err, refusal{"cert_purpose", "purpose", 0, tt.detail})
		})
	}
}

func TestCV1ExtendedKeyUsageOfCAs(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		inter      []asn1.ObjectIdentifier
		leaf       asn1.ObjectIdentifier
		acceptable bool
	}{
		{"none", nil, lab.ClientAuth, true},
		{"client_auth", usage(lab.ClientAuth), lab.ClientAuth, true},
		{"any", usage(lab.AnyUsage), lab.ClientAuth, true},
		{"server_auth", usage(lab.ServerAuth), lab.ClientAuth, false},
		{"leaf_any_under_server_auth", usage(lab.ServerAuth), lab.AnyUsage, false},
		{"eap_under_client_auth", usage(lab.ClientAuth), lab.EAPOverLAN, false},
		{"eap_under_eap", usage(lab.EAPOverLAN), lab.EAPOverLAN, true},
		{"any_under_eap", usage(lab.EAPOverLAN), lab.AnyUsage, true},
		{"client_auth_under_eap", usage(lab.EAPOverLAN), lab.ClientAuth, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := newCA(t, lab.CAOptions{})
			inter := below(t, root, lab.CAOptions{Options: lab.Options{Usages: tt.inter}})
			leaf := user(t, inter, lab.UserOptions{Options: lab.Options{Usages: usage(tt.leaf)}})
			p, err := trust(t, root.Certificate).Verify(leaf.Presented(), options)
			if tt.acceptable {
				checkAccepted(t, p, err, leaf.Certificate, inter.Certificate, root.Certificate)
				return
			}
			checkRefused(t, err, refusal{"cert_purpose", "purpose", 1, "does not let it issue"})
		})
	}
}

func TestCV2KeyUsage(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	leaf := user(t, root, lab.UserOptions{NoDigitalSignature: true})
	_, err := trust(t, root.Certificate).Verify(leaf.Presented(), options)
	checkRefused(t, err, refusal{"cert_purpose", "purpose", 0, "digitalSignature"})
}
