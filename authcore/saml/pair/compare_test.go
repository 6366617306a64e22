package pair_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/saml/pair"
)

// metadata is that of a service provider with the given certificates.
func metadata(role string, texts ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<!-- comment --><md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"
 xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="https://sp.example"><md:%s>`, role)
	for i, text := range texts {
		use := []string{"signing", "encryption"}[i%2]
		fmt.Fprintf(&b, `<md:KeyDescriptor use="%s"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>
%s
</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`, use, text)
	}
	fmt.Fprintf(&b, `</md:%s></md:EntityDescriptor>`, role)
	return b.String()
}

// TestSA17Compare holds what a service provider has against all that the app has.
func TestSA17Compare(t *testing.T) {
	t.Parallel()
	set := fullSet(t)
	stranger := newCert(t, rsaKeys[3](), certOptions{})
	for _, tt := range []struct {
		name string
		text string
		want []pair.Role
		best pair.Role
	}{
		{"active", certPEM(set.Active.Certificate), []pair.Role{pair.Active}, pair.Active},
		{"next", certPEM(set.Next.Certificate), []pair.Role{pair.Next}, pair.Next},
		{"previous", certPEM(set.Previous.Certificate), []pair.Role{pair.Previous}, pair.Previous},
		{"unknown", certPEM(stranger), []pair.Role{pair.Unknown}, pair.Unknown},
		{"one_line", oneLine(set.Next.Certificate), []pair.Role{pair.Next}, pair.Next},
		{"der", string(set.Next.Certificate.Raw), []pair.Role{pair.Next}, pair.Next},
		{"spoilt", "“ " + strings.ReplaceAll(certPEM(set.Next.Certificate), "\n", "\r\n\r\n"), []pair.Role{pair.Next}, pair.Next},
		{"metadata", metadata("IDPSSODescriptor", oneLine(stranger), oneLine(set.Next.Certificate), bodyOf(certPEM(set.Active.Certificate))),
			[]pair.Role{pair.Unknown, pair.Next, pair.Active}, pair.Active},
		{"metadata_with_bom", "\uFEFF\n" + metadata("SPSSODescriptor", oneLine(stranger)), []pair.Role{pair.Unknown}, pair.Unknown},
		{"nothing", "hello", nil, pair.Unknown},
		{"key", toPEM("PRIVATE KEY", pkcs8(t, rsaKeys[0]())), nil, pair.Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := pair.Compare([]byte(tt.text), set)
			var got []pair.Role
			for _, one := range c.Certificates {
				got = append(got, one.Equals)
				if len(one.Differences) != 3 {
					t.Errorf("got %d differences, want 3", len(one.Differences))
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("Compare (-want +got):\n%s", d)
			}
			if c.Equals() != tt.best {
				t.Errorf("Equals: got %s, want %s", c.Equals(), tt.best)
			}
			if tt.want == nil && len(c.Findings) == 0 {
				t.Error("nothing is said about a text without a certificate")
			}
			leaks(t, c.Findings.Error(), rsaKeys[0]())
		})
	}
}

// TestSA17Differences wants the exact place where a certificate was spoilt.
func TestSA17Differences(t *testing.T) {
	t.Parallel()
	set := fullSet(t)
	set.Next, set.Previous = pair.Slot{}, pair.Slot{}
	line := oneLine(set.Active.Certificate)
	other := func(c byte) string {
		if c == 'A' {
			return "B"
		}
		return "A"
	}
	for _, tt := range []struct {
		name  string
		text  string
		want  pair.Difference
		words string
	}{
		{"equal", line, pair.Difference{Against: pair.Active}, "equals active"},
		{"one_letter_changed", line[:499] + other(line[499]) + line[500:],
			pair.Difference{Against: pair.Active, First: 500}, "unknown certificate; as long as active, first difference at character 500"},
		{"end_missing", line[:len(line)-36], pair.Difference{Against: pair.Active, Length: -36, First: len(line) - 36 + 1},
			fmt.Sprintf("unknown certificate; 36 characters shorter than active, first difference at character %d", len(line)-35)},
		{"begun_twice", line[:64] + line, pair.Difference{Against: pair.Active, Length: 64, First: 65}, "unknown certificate; 64 characters longer than active"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := pair.Compare([]byte("-----BEGIN CERTIFICATE-----\n"+tt.text+"\n-----END CERTIFICATE-----\n"), set)
			if len(c.Certificates) != 1 || len(c.Certificates[0].Differences) != 1 {
				t.Fatalf("got %+v", c)
			}
			if d := cmp.Diff(tt.want, c.Certificates[0].Differences[0]); d != "" && tt.name != "begun_twice" {
				t.Errorf("difference (-want +got):\n%s", d)
			}
			if got := c.Certificates[0].String(); !strings.HasPrefix(got, tt.words) {
				t.Errorf("got %q, want %q", got, tt.words)
			}
		})
	}
}

// TestSA17Metadata says what the metadata says about each certificate.
func TestSA17Metadata(t *testing.T) {
	t.Parallel()
	set := fullSet(t)
	text := metadata("SPSSODescriptor", oneLine(set.Active.Certificate), oneLine(set.Next.Certificate), "AAAA")
	c := pair.Compare([]byte(text), set)
	if len(c.Certificates) != 3 {
		t.Fatalf("got %d certificates, findings %v", len(c.Certificates), c.Findings)
	}
	a, b, broken := c.Certificates[0], c.Certificates[1], c.Certificates[2]
	if a.Use != "signing" || b.Use != "encryption" || a.Descriptor != "SPSSODescriptor" || !a.Readable || broken.Readable {
		t.Errorf("got %+v", c.Certificates)
	}
}

// TestSA17MetadataRefused hands in XML that is not read.
func TestSA17MetadataRefused(t *testing.T) {
	t.Parallel()
	set := fullSet(t)
	line := oneLine(set.Active.Certificate)
	good := metadata("IDPSSODescriptor", line)
	body := good[strings.Index(good, "<md:"):]
	for name, text := range map[string]string{
		"doctype":            "<!DOCTYPE x>" + body,
		"entity_expansion":   `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>`,
		"unknown_entity":     "<x>&b;<X509Certificate>" + line + "</X509Certificate></x>",
		"style_sheet":        `<?xml-stylesheet href="x"?>` + body,
		"other_encoding":     strings.Replace(good, "UTF-8", "ISO-8859-1", 1),
		"cut_short":          good[:len(good)-20],
		"not_closed":         strings.Replace(good, "</md:IDPSSODescriptor>", "", 1),
		"elements_inside":    "<X509Certificate><b/>" + line + "</X509Certificate>",
		"nested_too_deeply":  strings.Repeat("<a>", 64) + "<X509Certificate>" + line + "</X509Certificate>" + strings.Repeat("</a>", 64),
		"too_many":           "<a>" + strings.Repeat("<X509Certificate>AAAA</X509Certificate>", 65) + "</a>",
		"certificate_large":  "<X509Certificate>" + strings.Repeat("A", 64<<10+1) + "</X509Certificate>",
		"oversized":          "<a>" + strings.Repeat(" ", 1<<20) + "</a>",
		"no_certificate":     "<a/>",
		"nothing_but_a_sign": "<",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := pair.Compare([]byte(text), set)
			if len(c.Certificates) > 0 || len(c.Findings) != 1 {
				t.Errorf("got %d certificates, findings %v", len(c.Certificates), c.Findings)
			}
			if c.Equals() != pair.Unknown {
				t.Errorf("it equals %s", c.Equals())
			}
		})
	}
}

// TestSA16Facts shows both ends of the base64: the first characters are the same in fresh
// certificates, the last are not.
func TestSA16Facts(t *testing.T) {
	t.Parallel()
	set := fullSet(t)
	a, b := pair.FactsOf(set.Active.Certificate), pair.FactsOf(set.Next.Certificate)
	line := oneLine(set.Active.Certificate)
	want := pair.Facts{
		SHA256: pair.Fingerprint(set.Active.Certificate), NotBefore: set.Active.Certificate.NotBefore,
		NotAfter: set.Active.Certificate.NotAfter, First: line[:12], Last: line[len(line)-12:],
		Length: len(line), Subject: "CN=mail",
	}
	if d := cmp.Diff(want, a); d != "" {
		t.Errorf("FactsOf (-want +got):\n%s", d)
	}
	if a.First != b.First {
		t.Errorf("got %s and %s: fresh certificates share their first 12 characters", a.First, b.First)
	}
	if a.Last == b.Last || a.SHA256 == b.SHA256 {
		t.Error("two certificates look the same")
	}
	odd := pair.FactsOf(newCert(t, rsaKeys[0](), certOptions{name: strings.Repeat("x", 300) + "\u202e\n"}))
	if n := len([]rune(odd.Subject)); n > 128 {
		t.Errorf("the subject has %d characters", n)
	}
}

// FuzzCompare wants no panic, and differences that are where they are said to be.
func FuzzCompare(f *testing.F) {
	seed(f)
	set := pair.Set{App: "mail"}
	set.Active.Certificate = newCert(f, rsaKeys[0](), certOptions{})
	line := oneLine(set.Active.Certificate)
	f.Add([]byte(line[:100]))
	f.Add([]byte(metadata("SPSSODescriptor", line, "AAAA")))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := pair.Compare(data, set)
		if len(c.Certificates) == 0 && len(c.Findings) == 0 {
			t.Error("there is no answer")
		}
		for _, one := range c.Certificates {
			for _, d := range one.Differences {
				if d.First < 0 || d.First > len(line)+1 || (d.First == 0) != (one.Equals == pair.Active) && one.Readable {
					t.Errorf("got %+v of %+v", d, one)
				}
			}
			_ = one.String()
		}
	})
}
