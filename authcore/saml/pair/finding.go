package pair

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// A Code says what kind of defect a Finding is. The strings are stable.
type Code string

// What text as a whole can be instead of a certificate or a key in PEM.
const (
	Empty             Code = "empty"
	Oversized         Code = "oversized"
	DER               Code = "der"
	PKCS12            Code = "pkcs12"
	PKCS7             Code = "pkcs7"
	Request           Code = "certificate_request"
	KeyForCertificate Code = "key_instead_of_certificate"
	CertificateForKey Code = "certificate_instead_of_key"
	BothInOne         Code = "certificate_and_key_in_one"
	Chain             Code = "chain"
	TwoCertificates   Code = "two_certificates"
	TwoKeys           Code = "two_keys"
	KeyEncrypted      Code = "key_encrypted"
	OpenSSHKey        Code = "key_openssh"
	XML               Code = "xml"
	NoCertificate     Code = "no_certificate"
	NoKey             Code = "no_key"
)

// What copying and pasting does to PEM.
const (
	Header            Code = "header"
	Footer            Code = "footer"
	SpacesBefore      Code = "spaces_before"
	SpacesAfter       Code = "spaces_after"
	SpacesInside      Code = "spaces_inside"
	LineBreaksMissing Code = "line_breaks_missing"
	LineBreaksInside  Code = "line_breaks_inside"
	CRLF              Code = "crlf"
	SmartQuotes       Code = "smart_quotes"
	Quotes            Code = "quotes"
	BOM               Code = "bom"
	UTF16             Code = "utf16"
	Entities          Code = "html_entities"
	Escapes           Code = "escapes"
	MailQuotes        Code = "mail_quotes"
	Invisible         Code = "invisible_characters"
	Characters        Code = "characters"
	OneLine           Code = "one_line_base64"
	Base64URL         Code = "base64url"
	Padding           Code = "padding"
	TextOutside       Code = "text_outside"
	Damaged           Code = "damaged"
	Altered           Code = "altered"
)

// What makes a readable certificate or key unusable.
const (
	Expired       Code = "expired"
	NotYetValid   Code = "not_yet_valid"
	RSAShort      Code = "rsa_short"
	RSALong       Code = "rsa_long"
	WeakSignature Code = "weak_signature"
	KeyKind       Code = "key_kind"
	Mismatch      Code = "mismatch"
	KeyReused     Code = "key_reused"
	Unreadable    Code = "since_unreadable"
)

// A Part is what a Finding is about.
type Part string

// The parts.
const (
	PartCertificate Part = "certificate"
	PartKey         Part = "key"
	PartPair        Part = "pair"
)

// A Finding is one defect, with what to do about it, in words for administrators. It holds no
// bytes of a key.
type Finding struct {
	Code    Code   `json:"code"`
	Part    Part   `json:"part"`
	File    string `json:"file,omitempty"`   // below the app's directory, if it came from there
	Line    int    `json:"line,omitempty"`   // from 1; 0: the text as a whole
	Column  int    `json:"column,omitempty"` // in characters from 1; 0: the text as a whole
	Count   int    `json:"count,omitempty"`  // how often, if that can be said; the place is the first
	Warning bool   `json:"warning,omitempty"`
	Text    string `json:"text"`
	Remedy  string `json:"remedy"`
}

// Error is the finding in one line.
func (f Finding) Error() string {
	var b strings.Builder
	if f.File != "" {
		b.WriteString(f.File + ": ")
	}
	if f.Line > 0 {
		fmt.Fprintf(&b, "line %d, column %d: ", f.Line, f.Column)
	}
	b.WriteString(f.Text)
	if f.Count > 1 {
		fmt.Fprintf(&b, " (%d times)", f.Count)
	}
	if f.Remedy != "" {
		b.WriteString(": " + f.Remedy)
	}
	return b.String()
}

// Findings are the defects of one text or one pair, those of a text in its order. An empty one
// means that all is well; as an error it is only ever returned with something in it.
type Findings []Finding

// Error is all findings, a line each.
func (fs Findings) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Err is fs as an error, or nil if there are none.
func (fs Findings) Err() error {
	if len(fs) == 0 {
		return nil
	}
	return fs
}

// Has reports whether a finding has the code.
func (fs Findings) Has(code Code) bool {
	return slices.ContainsFunc(fs, func(f Finding) bool { return f.Code == code })
}

// in names the file that the findings are about.
func (fs Findings) in(file string) Findings {
	for i := range fs {
		fs[i].File = file
	}
	return fs
}

// A place is where something stands in a text, from 1.
type place struct{ line, col int }

// faults gathers one finding for each code, at the first place that it is met.
type faults struct {
	part Part
	list Findings
}

func (f *faults) add(code Code, at place) *Finding {
	for i := range f.list {
		if f.list[i].Code == code {
			f.list[i].Count++
			return &f.list[i]
		}
	}
	n := newFinding(code, f.part)
	n.Line, n.Column, n.Count = at.line, at.col, 1
	f.list = append(f.list, n)
	return &f.list[len(f.list)-1]
}

// damaged notes that a body cannot be read, of which wrong padding is a consequence.
func (f *faults) damaged(at place) *Finding {
	f.list = slices.DeleteFunc(f.list, func(n Finding) bool { return n.Code == Padding })
	return f.add(Damaged, at)
}

// has reports whether the code was met.
func (f *faults) has(code Code) bool { return f.list.Has(code) }

// sorted is the findings in the order of the text.
func (f *faults) sorted() Findings {
	sort.SliceStable(f.list, func(i, j int) bool {
		a, b := &f.list[i], &f.list[j]
		return cmp.Or(a.Line-b.Line, a.Column-b.Column) < 0
	})
	return f.list
}

func newFinding(code Code, part Part) Finding {
	w := wordings[code]
	return Finding{Code: code, Part: part, Text: w.text, Remedy: w.remedy, Warning: w.warning}
}
