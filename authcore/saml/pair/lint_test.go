package pair_test

import (
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/saml/pair"
)

// nodeSAMLTakes is the rule by which node-saml 5.1.0 takes a text for a certificate, in our
// words: base64 that may be broken after every fourth letter, or header, anything and footer
// on lines of their own with at most one line break behind.
func nodeSAMLTakes(s string) bool {
	lines := strings.Split(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n"), "\n")
	if n := len(lines); n > 1 && lines[n-1] == "" {
		lines = lines[:n-1]
	}
	n := len(lines)
	if n >= 3 && headerLine.MatchString(lines[0]) && footerLine.MatchString(lines[n-1]) {
		return true
	}
	return bareText.MatchString(s)
}

var (
	headerLine = regexp.MustCompile(`^-----BEGIN [A-Z ]{1,48}-----$`)
	footerLine = regexp.MustCompile(`^-----END [A-Z ]{1,48}-----$`)
	bareText   = regexp.MustCompile(`\A(?:[A-Za-z0-9+/]{4}\n?)*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\z`)
)

// node says what node-saml 5.1.0 was seen to do with a text.
type node uint8

const (
	takes   node = iota // and works
	refuses             // "is not in PEM format or in base64 format"
	chokes              // takes the text and fails when it verifies a signature
)

// spoilt is a certificate after one mishap.
type spoilt struct {
	name string
	text string
	want []string // code@line:column
	node node
	lost bool // there is no cleaned copy
}

func spoiltTexts(t testing.TB, good string) []spoilt {
	t.Helper()
	l := strings.Split(strings.TrimSuffix(good, "\n"), "\n")
	last := len(l) - 1
	lines := func(list ...string) string { return strings.Join(list, "\n") + "\n" }
	with := func(i int, line string) string {
		list := append([]string(nil), l...)
		list[i] = line
		return lines(list...)
	}
	one := strings.Join(l[1:last], "")
	bare := lines(l[1:last]...)
	trimmed := strings.TrimSuffix(good, "\n")
	at := func(code string, line, col int) string { return fmt.Sprintf("%s@%d:%d", code, line, col) }
	first := func(code, chars string) string {
		for i, line := range l[1:last] {
			if j := strings.IndexAny(line, chars); j >= 0 {
				return at(code, i+2, j+1)
			}
		}
		t.Fatalf("the certificate has none of %q", chars)
		return ""
	}
	pad := at("padding", last, len(l[last-1])-strings.Count(l[last-1], "="))
	return []spoilt{
		{name: "good", text: good},
		{name: "no_final_line_break", text: trimmed},
		{name: "one_line_base64", text: one, want: []string{"one_line_base64@1:1"}},
		{name: "spaces_after_footer", text: trimmed + "  \n", want: []string{at("spaces_after", last+1, 26)}, node: refuses},
		{name: "all_line_breaks_removed", text: strings.ReplaceAll(good, "\n", ""), want: []string{"line_breaks_missing@1:28"}, node: refuses},
		{name: "blank_line_after", text: good + "\n", want: []string{at("spaces_after", last+2, 1)}, node: refuses},
		{name: "spaces_before_header", text: "  " + good, want: []string{"spaces_before@1:1"}, node: refuses},
		{name: "blank_line_before", text: "\n" + good, want: []string{"spaces_before@1:1"}, node: refuses},
		{name: "header_missing", text: lines(l[1:]...), want: []string{"header@1:1"}, node: refuses},
		{name: "footer_missing", text: lines(l[:last]...), want: []string{at("footer", last, len(l[last-1])+1)}, node: refuses},
		{name: "header_lacks_a_dash", text: good[1:], want: []string{"header@1:1"}, node: refuses},
		{name: "header_without_dashes", text: with(0, "BEGIN CERTIFICATE"), want: []string{"header@1:1"}, node: refuses},
		{name: "header_cut_short", text: with(0, "-----BEGIN CERT"), want: []string{"header@1:1"}, node: refuses},
		{name: "header_in_lower_case", text: with(0, "-----begin certificate-----"), want: []string{"header@1:1"}, node: refuses},
		{name: "header_with_em_dashes", text: with(0, "—–BEGIN CERTIFICATE-----"), want: []string{"header@1:1"}, node: refuses},
		{name: "header_over_two_lines", text: with(0, "-----BEGIN\nCERTIFICATE-----"), want: []string{"line_breaks_inside@1:1"}, node: refuses},
		{name: "footer_lacks_dashes", text: with(last, "-----END CERTIFICATE---"), want: []string{at("footer", last+1, 1)}, node: refuses},
		{name: "footer_of_a_key", text: with(last, "-----END PRIVATE KEY-----"), want: []string{at("footer", last+1, 1)}, node: chokes},
		{name: "crlf", text: strings.ReplaceAll(good, "\n", "\r\n"), want: []string{"crlf@1:28"}},
		{name: "cr", text: strings.ReplaceAll(good, "\n", "\r"), want: []string{"crlf@1:28"}},
		{name: "bom", text: "\uFEFF" + good, want: []string{"bom@1:1"}, node: refuses},
		{name: "utf16_little", text: utf16Text(good, binary.LittleEndian, true), want: []string{"utf16@1:1"}, node: refuses},
		{name: "utf16_big", text: utf16Text(good, binary.BigEndian, true), want: []string{"utf16@1:1"}, node: refuses},
		{name: "utf16_without_mark", text: utf16Text(good, binary.LittleEndian, false), want: []string{"utf16@1:1"}, node: refuses},
		{name: "html_entities", text: strings.ReplaceAll(good, "+", "&#43;"), want: []string{first("html_entities", "+")}, node: chokes},
		{name: "html_line_breaks", text: strings.ReplaceAll(good, "\n", "&#10;"), want: []string{"html_entities@1:28"}, node: refuses},
		{name: "escaped_line_breaks", text: strings.ReplaceAll(good, "\n", `\n`), want: []string{"escapes@1:28"}, node: refuses},
		{name: "escaped_slashes", text: strings.ReplaceAll(good, "/", `\/`), want: []string{first("escapes", "/")}, node: chokes},
		{name: "smart_quotes", text: "“" + trimmed + "”\n", want: []string{"smart_quotes@1:1"}, node: refuses},
		{name: "quotes", text: `"` + trimmed + `"`, want: []string{"quotes@1:1"}, node: refuses},
		{name: "no_break_space", text: with(0, "-----BEGIN\u00a0CERTIFICATE-----"), want: []string{"invisible_characters@1:11"}, node: refuses},
		{name: "zero_width_space", text: with(1, l[1]+"\u200b"), want: []string{"invisible_characters@2:65"}, node: chokes},
		{name: "space_inside", text: with(1, l[1][:10]+" "+l[1][10:]), want: []string{"spaces_inside@2:11"}},
		{name: "spaces_for_line_breaks", text: l[0] + "\n" + strings.Join(l[1:last], " ") + "\n" + l[last] + "\n", want: []string{"line_breaks_missing@2:1", "spaces_inside@2:65"}},
		{name: "space_at_end_of_line", text: with(1, l[1]+" "), want: []string{"spaces_after@2:65"}, node: chokes},
		{name: "indented", text: with(1, "   "+l[1]), want: []string{"spaces_before@2:1"}},
		{name: "line_break_inside", text: with(1, l[1][:10]+"\n"+l[1][10:]), want: []string{"line_breaks_inside@2:11"}},
		{name: "blank_line_inside", text: with(1, l[1]+"\n"), want: []string{"line_breaks_inside@3:1"}},
		{name: "body_in_one_line", text: lines(l[0], one, l[last]), want: []string{"line_breaks_missing@2:1"}},
		{name: "base64url", text: lines(l[0], strings.NewReplacer("+", "-", "/", "_").Replace(strings.Join(l[1:last], "\n")), l[last]), want: []string{first("base64url", "+/")}, node: chokes},
		{name: "padding_missing", text: strings.ReplaceAll(good, "=", ""), want: []string{pad}, node: chokes},
		{name: "base64_without_header_and_footer", text: bare, want: []string{"header@1:1", at("footer", last-1, len(l[last-1]))}, node: refuses},
		{name: "answer_by_mail", text: "> " + strings.ReplaceAll(trimmed, "\n", "\n> "), want: []string{"mail_quotes@1:1"}, node: refuses},
		{name: "text_outside", text: "Bag Attributes\n    localKeyID: 01\n" + good + "regards\n", want: []string{"text_outside@1:1"}, node: refuses},
		{name: "stray_character", text: with(1, l[1][:10]+"é"+l[1][10:]), want: []string{"characters@2:11"}, node: chokes},
		{name: "dashes_of_another_kind", text: strings.ReplaceAll(good, "-----", "－－－－－"), want: []string{"header@1:1", at("footer", last+1, 1)}, node: refuses},
		{name: "end_missing", text: lines(append(append([]string(nil), l[:6]...), l[last])...), want: []string{"damaged@1:1"}, node: chokes, lost: true},
		{name: "altered", text: with(last-2, strings.Repeat("A", 8)+l[last-2][8:]), want: []string{"altered@1:1"}},
		{name: "prose", text: "Please begin certificate checks only when the certificate of the identity provider has come.", want: []string{"no_certificate@0:0"}, node: refuses, lost: true},
		{name: "web_page", text: "<html><body>signed out</body></html>", want: []string{"xml@0:0"}, node: refuses, lost: true},
	}
}

func utf16Text(s string, order binary.AppendByteOrder, mark bool) string {
	var b []byte
	if mark {
		b = order.AppendUint16(b, 0xFEFF)
	}
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

// TestSA18 spoils a certificate in every way that copying does: each is found at its place,
// alone, and undone in the cleaned copy. What node-saml refuses is never called clean.
func TestSA18LintFindsWhatCopyingDoes(t *testing.T) {
	t.Parallel()
	c := newCert(t, rsaKeys[0](), certOptions{})
	for _, tt := range spoiltTexts(t, certPEM(c)) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := pair.Lint([]byte(tt.text))
			got := []string(nil)
			for _, f := range r.Findings {
				got = append(got, fmt.Sprintf("%s@%d:%d", f.Code, f.Line, f.Column))
				if f.Text == "" || f.Remedy == "" {
					t.Errorf("%s has no text or no remedy: %q, %q", f.Code, f.Text, f.Remedy)
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("Lint findings (-want +got):\n%s", d)
			}
			if tt.node != takes && r.Clean() {
				t.Error("a service provider refuses what Lint calls clean")
			}
			if takesIt := nodeSAMLTakes(tt.text); takesIt != (tt.node != refuses) {
				t.Errorf("nodeSAMLTakes = %t, but the real one was seen to do otherwise", takesIt)
			}
			checkCleaned(t, r, tt, c.Raw)
		})
	}
}

// checkCleaned wants the certificate in three forms, and service providers to take them.
func checkCleaned(t *testing.T, r *pair.Report, tt spoilt, raw []byte) {
	t.Helper()
	copies, ok := r.Cleaned()
	if ok == tt.lost {
		t.Fatalf("got a cleaned copy: %t", ok)
	}
	if tt.lost || tt.name == "altered" {
		return
	}
	block, rest := pem.Decode([]byte(copies.PEM))
	if block == nil || len(rest) > 0 || string(block.Bytes) != string(raw) {
		t.Fatalf("the PEM copy is not the certificate:\n%s", copies.PEM)
	}
	for _, text := range []string{copies.PEM, copies.OneLine} {
		if !nodeSAMLTakes(text) {
			t.Errorf("node-saml refuses the copy %q", text)
		}
	}
	if again := pair.Lint([]byte(copies.PEM)); !again.Clean() {
		t.Errorf("the cleaned copy is not clean: %v", again.Findings)
	}
	if again := pair.Lint([]byte(copies.KeyDescriptor)); again.Certificate == nil || string(again.Certificate.Raw) != string(raw) {
		t.Errorf("the metadata copy is not read back: %v", again.Findings)
	}
}

// TestSA18LintTellsWhatItIs hands in what is no certificate at all, or more than one.
func TestSA18LintTellsWhatItIs(t *testing.T) {
	t.Parallel()
	caKey := rsaKeys[3]()
	ca := newCert(t, caKey, certOptions{name: "ca", ca: true})
	leaf := newCert(t, rsaKeys[0](), certOptions{parent: ca, parentKey: caKey})
	other := newCert(t, rsaKeys[1](), certOptions{})
	key := toPEM("PRIVATE KEY", pkcs8(t, rsaKeys[0]()))
	for _, tt := range []struct {
		name string
		text string
		want []pair.Code
		leaf bool // it is rescued
	}{
		{"empty", " \n\t", []pair.Code{pair.Empty}, false},
		{"oversized", strings.Repeat("A", 64<<10+1), []pair.Code{pair.Oversized}, false},
		{"der", string(leaf.Raw), []pair.Code{pair.DER}, true},
		{"der_chain", string(leaf.Raw) + string(ca.Raw), []pair.Code{pair.DER, pair.Chain}, true},
		{"pkcs12", string(pkcs12DER(t)), []pair.Code{pair.PKCS12}, false},
		{"pkcs7", string(pkcs7DER(t)), []pair.Code{pair.PKCS7}, false},
		{"pkcs7_pem", toPEM("PKCS7", pkcs7DER(t)), []pair.Code{pair.PKCS7}, false},
		{"request", toPEM("CERTIFICATE REQUEST", requestDER(t)), []pair.Code{pair.Request}, false},
		{"request_der", string(requestDER(t)), []pair.Code{pair.Request}, false},
		{"key", key, []pair.Code{pair.KeyForCertificate}, false},
		{"key_der", string(pkcs8(t, rsaKeys[0]())), []pair.Code{pair.KeyForCertificate}, false},
		{"key_under_a_false_header", toPEM("CERTIFICATE", pkcs8(t, rsaKeys[0]())), []pair.Code{pair.KeyForCertificate}, false},
		{"key_beside", certPEM(leaf) + key, []pair.Code{pair.KeyForCertificate}, true},
		{"chain", certPEM(leaf) + certPEM(ca), []pair.Code{pair.Chain}, true},
		{"chain_upside_down", certPEM(ca) + certPEM(leaf), []pair.Code{pair.Chain}, true},
		{"two", certPEM(leaf) + certPEM(other), []pair.Code{pair.TwoCertificates}, false},
		{"twice_the_same", certPEM(leaf) + certPEM(leaf), []pair.Code{pair.TwoCertificates}, true},
		{"xml", "<X509Certificate>\n" + oneLine(leaf) + "\n</X509Certificate>", []pair.Code{pair.XML}, true},
		{"doctype", "<!DOCTYPE x [<!ENTITY a 'b'>]><X509Certificate>&a;</X509Certificate>", []pair.Code{pair.XML}, false},
		{"public_key", toPEM("PUBLIC KEY", leaf.RawSubjectPublicKeyInfo), []pair.Code{pair.NoCertificate}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := pair.Lint([]byte(tt.text))
			if d := cmp.Diff(tt.want, codes(r.Findings)); d != "" {
				t.Errorf("Lint findings (-want +got):\n%s", d)
			}
			if got := r.Certificate != nil; got != tt.leaf || got && !r.Certificate.Equal(leaf) {
				t.Errorf("rescued a certificate: %t, want the leaf: %t", got, tt.leaf)
			}
			leaks(t, r.Findings.Error(), rsaKeys[0]())
		})
	}
}
