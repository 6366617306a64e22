package saml_test

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/saml"
)

// spMetadata is metadata as a service provider writes it, with the habits that they have; %s is
// its signing certificate.
const spMetadataFormat = "\ufeff" + `<?xml version="1.0" encoding="UTF-8"?>
<!-- made by hand -->
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="` + spEntity + `" validUntil="2026-03-05T00:00:00Z">
  <md:Extensions><x:Whatever xmlns:x="urn:x"/></md:Extensions>
  <md:SPSSODescriptor AuthnRequestsSigned="1" WantAssertionsSigned="true"
      protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol urn:oasis:names:tc:SAML:2.0:protocol">
    <md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:KeyName>a</ds:KeyName><ds:X509Data>
      <ds:X509Certificate>
        %s
      </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
    <md:KeyDescriptor use="encryption"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/></md:KeyDescriptor>
    <md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://intranet.example/slo"/>
    <md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>
    <md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</md:NameIDFormat>
    <md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact" Location="https://intranet.example/artifact" index="0"/>
    <md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="` + spOther + `" index="7"/>
    <md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="` + spACS + `" index="1" isDefault="true"/>
  </md:SPSSODescriptor>
</md:EntityDescriptor>
`

func spMetadata() string {
	lines := b64(spPair().Certificate.Raw)
	for i := 64; i < len(lines); i += 70 {
		lines = lines[:i] + "\r\n     " + lines[i:]
	}
	return fmt.Sprintf(spMetadataFormat, lines)
}

func TestImport(t *testing.T) {
	t.Parallel()
	sp, fs := saml.ImportServiceProvider([]byte(spMetadata()), now.Add(-36*time.Hour))
	if len(fs) > 0 {
		t.Fatalf("got findings %v", fs)
	}
	want := &saml.ServiceProvider{EntityID: spEntity,
		ACS:                 []saml.ACS{{Location: spACS, Index: 1}, {Location: spOther, Index: 7}},
		Certificates:        []*x509.Certificate{spPair().Certificate},
		AuthnRequestsSigned: true, WantAssertionsSigned: true,
		NameIDFormats: []string{saml.FormatPersistent, saml.FormatEmailAddress}}
	if diff := cmp.Diff(want, sp); diff != "" {
		t.Errorf("difference (-want +got):\n%s", diff)
	}
}

func TestImportFindings(t *testing.T) {
	t.Parallel()
	acs := `Location="` + spACS + `"`
	for name, tt := range map[string]struct {
		oldNew []string
		want   []saml.FindingCode
		usable bool
	}{
		"expired":               {[]string{"2026-03-05", "2026-03-01"}, []saml.FindingCode{saml.FindingExpired}, true},
		"certificate_expired":   {nil, []saml.FindingCode{saml.FindingKeyExpired}, true},
		"plain_http":            {[]string{acs, `Location="http://intranet.example/acs"`}, []saml.FindingCode{saml.FindingACSPlain}, true},
		"javascript":            {[]string{acs, `Location="javascript:alert(1)//"`}, []saml.FindingCode{saml.FindingACSScheme}, false},
		"javascript_host":       {[]string{acs, `Location="javascript://intranet.example/%0aalert(1)"`}, []saml.FindingCode{saml.FindingACSScheme}, false},
		"data":                  {[]string{acs, `Location="data:text/html,x"`}, []saml.FindingCode{saml.FindingACSScheme}, false},
		"relative":              {[]string{acs, `Location="/acs"`}, []saml.FindingCode{saml.FindingACSScheme}, false},
		"no_host":               {[]string{acs, `Location="https:///acs"`}, []saml.FindingCode{saml.FindingACSLocation}, false},
		"user":                  {[]string{acs, `Location="https://intranet.example@evil.example/"`}, []saml.FindingCode{saml.FindingACSLocation}, false},
		"fragment":              {[]string{acs, `Location="https://intranet.example/#x"`}, []saml.FindingCode{saml.FindingACSLocation}, false},
		"space":                 {[]string{acs, `Location="https://intranet.example/a b"`}, []saml.FindingCode{saml.FindingACSLocation}, false},
		"policy_in_host":        {[]string{acs, `Location="https://intranet.example;x/"`}, []saml.FindingCode{saml.FindingACSLocation}, false},
		"long":                  {[]string{acs, `Location="https://intranet.example/` + strings.Repeat("x", 2048) + `"`}, []saml.FindingCode{saml.FindingACSLocation}, false},
		"same_index":            {[]string{`index="7"`, `index="1"`}, []saml.FindingCode{saml.FindingACSIndex}, false},
		"no_index":              {[]string{`index="7"`, ``}, []saml.FindingCode{saml.FindingACSIndex}, false},
		"huge_index":            {[]string{`index="7"`, `index="65536"`}, []saml.FindingCode{saml.FindingACSIndex}, false},
		"no_post":               {[]string{`HTTP-POST"`, `PAOS"`, `HTTP-POST"`, `PAOS"`}, []saml.FindingCode{saml.FindingNoACS}, false},
		"flag":                  {[]string{`AuthnRequestsSigned="1"`, `AuthnRequestsSigned="yes"`}, []saml.FindingCode{saml.FindingFlag}, false},
		"flag_of_acs":           {[]string{`isDefault="true"`, `isDefault="TRUE"`}, []saml.FindingCode{saml.FindingFlag}, false},
		"signs_without_key":     {[]string{`use="signing"`, `use="encryption"`}, []saml.FindingCode{saml.FindingNoKey}, false},
		"certificate_damaged":   {[]string{"MII", "MIJ"}, []saml.FindingCode{saml.FindingKey, saml.FindingNoKey}, false},
		"certificate_no_base64": {[]string{"MII", "*MII"}, []saml.FindingCode{saml.FindingKey, saml.FindingNoKey}, false},
		"elliptic":              {[]string{"MII", b64(ellipticPair().Certificate.Raw) + "</ds:X509Certificate><ds:X509Certificate>MII"}, []saml.FindingCode{saml.FindingKey}, true},
		"name_id":               {[]string{"nameid-format:persistent", "nameid-format:kerberos"}, []saml.FindingCode{saml.FindingNameID}, true},
		"no_entity_id":          {[]string{`entityID="` + spEntity + `"`, ``}, []saml.FindingCode{saml.FindingEntityID}, false},
		"space_in_entity_id":    {[]string{spEntity, "https://intranet.example/ metadata"}, []saml.FindingCode{saml.FindingEntityID}, false},
		"long_entity_id":        {[]string{spEntity, strings.Repeat("x", 1025)}, []saml.FindingCode{saml.FindingEntityID}, false},
		"saml1":                 {[]string{"SAML:2.0:protocol\"", "SAML:1.0:protocol\""}, []saml.FindingCode{saml.FindingRole}, false},
		"identity_provider":     {[]string{"<md:SPSSO", "<md:IDPSSO", "</md:SPSSO", "</md:IDPSSO"}, []saml.FindingCode{saml.FindingRole}, false},
		"several_at_once": {[]string{"2026-03-05", "2026-03-01", acs, `Location="javascript:x"`, `index="7"`, `index="x"`, spEntity, ""},
			[]saml.FindingCode{saml.FindingEntityID, saml.FindingExpired, saml.FindingACSIndex, saml.FindingACSScheme, saml.FindingNoACS}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			document := spMetadata()
			for i := 0; i+1 < len(tt.oldNew); i += 2 {
				if !strings.Contains(document, tt.oldNew[i]) {
					t.Fatalf("the metadata has no %q", tt.oldNew[i])
				}
				document = strings.Replace(document, tt.oldNew[i], tt.oldNew[i+1], 1)
			}
			at := now.Add(-36 * time.Hour)
			if slices.Contains(tt.want, saml.FindingKeyExpired) {
				at = now
			}
			if slices.Contains(tt.want, saml.FindingExpired) {
				at = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC).Add(5 * time.Hour)
			}
			sp, fs := saml.ImportServiceProvider([]byte(document), at)
			var got []saml.FindingCode
			for _, f := range fs {
				got = append(got, f.Code)
			}
			slices.Sort(got)
			slices.Sort(tt.want)
			if !slices.Equal(got, tt.want) {
				t.Errorf("got findings %v, want %v", fs, tt.want)
			}
			if (sp != nil) != tt.usable || (fs.Err() == nil) != tt.usable {
				t.Errorf("got %+v, error %v, want it to be usable: %v", sp, fs.Err(), tt.usable)
			}
		})
	}
}

func TestImportRefusesDocuments(t *testing.T) {
	t.Parallel()
	good := strings.TrimPrefix(spMetadata(), "\ufeff")
	for name, tt := range map[string]struct {
		document string
		want     saml.FindingCode
	}{
		"empty":       {"", saml.FindingXML},
		"html":        {"<html><body>Not found</body></html>", saml.FindingRoot},
		"doctype":     {"<!DOCTYPE x>" + good[strings.Index(good, "<md:"):], saml.FindingDoctype},
		"entity":      {strings.Replace(good, "<md:NameIDFormat>", "<md:NameIDFormat>&x;", 1), saml.FindingEntity},
		"two_roots":   {good + good[strings.Index(good, "<md:"):], saml.FindingXML},
		"huge":        {strings.Repeat(" ", saml.MaxMetadataBytes) + good, saml.FindingOversized},
		"many":        {"<a>" + strings.Repeat("<b/>", 30_000) + "</a>", saml.FindingXML},
		"federation":  {`<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"/>`, saml.FindingRoot},
		"differently": {strings.Replace(good, "<md:Ext", `<md:Extensions x::y="z"/><md:Ext`, 1), saml.FindingXML},
	} {
		sp, fs := saml.ImportServiceProvider([]byte(tt.document), now)
		if sp != nil || !fs.Has(tt.want) {
			t.Errorf("%s: got %+v, findings %v, want %s", name, sp, fs, tt.want)
		}
	}
}

func TestImportIsBounded(t *testing.T) {
	t.Parallel()
	service := `<md:AssertionConsumerService Binding="` + saml.BindingPOST + `" Location="ftp://x" index="9"/>`
	document := strings.Replace(spMetadata(), "<md:NameIDFormat>", strings.Repeat(service, 500)+"<md:NameIDFormat>", 1)
	if _, fs := saml.ImportServiceProvider([]byte(document), now); len(fs) > 101 || !fs.Failed() {
		t.Errorf("got %d findings", len(fs))
	}
}

// TestDefaultACS follows SAML Metadata §2.2.3.
func TestDefaultACS(t *testing.T) {
	t.Parallel()
	const service = `<md:AssertionConsumerService Binding="` + saml.BindingPOST + `" Location="https://intranet.example/%d" index="%d" %s/>`
	for name, tt := range map[string]struct {
		flags []string
		want  uint16
	}{
		"says_so":         {[]string{`isDefault="false"`, ``, `isDefault="true"`, `isDefault="1"`}, 2},
		"does_not_deny":   {[]string{`isDefault="false"`, ``, ``}, 1},
		"all_deny":        {[]string{`isDefault="0"`, `isDefault="false"`}, 0},
		"nobody_says":     {[]string{``, ``}, 0},
		"first_says_most": {[]string{`isDefault="true"`, ``}, 0},
	} {
		document := spMetadata()
		at := strings.Index(document, "<md:AssertionConsumerService")
		end := strings.Index(document, "</md:SPSSODescriptor>")
		var services strings.Builder
		for i, flag := range tt.flags {
			fmt.Fprintf(&services, service, i, i, flag)
		}
		sp, fs := saml.ImportServiceProvider([]byte(document[:at]+services.String()+document[end:]), now.Add(-36*time.Hour))
		if sp == nil || sp.Default().Index != tt.want || len(sp.ACS) != len(tt.flags) {
			t.Errorf("%s: got %+v, findings %v, want the default %d", name, sp, fs, tt.want)
		}
	}
}

func TestImportCertificates(t *testing.T) {
	t.Parallel()
	const open, end = "<ds:X509Certificate>", "</ds:X509Certificate>"
	of := func(pairs ...saml.Pair) string {
		var b strings.Builder
		for _, p := range pairs {
			b.WriteString(open + b64(p.Certificate.Raw) + end)
		}
		old := element(t, spMetadata(), open, end)
		return strings.Replace(spMetadata(), old, b.String(), 1)
	}
	// Twice the same is one, a short key is none.
	sp, fs := saml.ImportServiceProvider([]byte(of(spPair(), otherPair(), spPair(), makePair("short", 1024))), now.Add(-36*time.Hour))
	if sp == nil || len(sp.Certificates) != 2 || len(fs) != 1 || !fs.Has(saml.FindingKey) {
		t.Errorf("got %+v, findings %v", sp, fs)
	}
	many := make([]saml.Pair, 17)
	for i := range many {
		many[i] = saml.Pair{Certificate: certify(fmt.Sprint(i), spPair().Key)}
	}
	if sp, fs := saml.ImportServiceProvider([]byte(of(many...)), now.Add(-36*time.Hour)); sp != nil || !fs.Has(saml.FindingTooMany) {
		t.Errorf("17 certificates: got %+v, findings %v", sp, fs)
	}
}

func TestNewServiceProvider(t *testing.T) {
	t.Parallel()
	sp, fs := saml.NewServiceProvider(spEntity, []string{spOther, spACS})
	want := &saml.ServiceProvider{EntityID: spEntity, ACS: []saml.ACS{{Location: spOther}, {Location: spACS, Index: 1}}}
	if diff := cmp.Diff(want, sp); diff != "" || len(fs) > 0 {
		t.Errorf("findings %v, difference (-want +got):\n%s", fs, diff)
	}
	if sp, fs := saml.NewServiceProvider("", []string{"javascript:x", "ftp://x"}); sp != nil || len(fs) != 4 {
		t.Errorf("got %+v, findings %v, want four at once", sp, fs)
	}
	if sp, fs := saml.NewServiceProvider(spEntity, slices.Repeat([]string{spACS}, 65)); sp != nil || !fs.Has(saml.FindingTooMany) {
		t.Errorf("65 addresses: got %+v, findings %v", sp, fs)
	}
}
