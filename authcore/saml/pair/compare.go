package pair

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
)

// A Comparison says how the certificates in a text stand to those of an app.
type Comparison struct {
	Certificates []Compared `json:"certificates"`
	Findings     Findings   `json:"findings,omitempty"` // what Lint says about the text
}

// Compared is one certificate of a text, readable or not.
type Compared struct {
	Equals      Role         `json:"equals"`               // Unknown: none of the app's
	Readable    bool         `json:"readable"`             // else it is compared as text alone
	Use         string       `json:"use,omitempty"`        // in metadata: signing or encryption
	Descriptor  string       `json:"descriptor,omitempty"` // in metadata: IDPSSODescriptor or SPSSODescriptor
	Facts       Facts        `json:"facts"`                // if unreadable: First, Last and Length alone
	Differences []Difference `json:"differences"`          // against every certificate that the app has
}

// A Difference is counted in characters of base64 without line breaks.
type Difference struct {
	Against Role `json:"against"`
	Length  int  `json:"length"` // by how many the given one is longer; negative: shorter
	First   int  `json:"first"`  // the first position that differs, from 1; 0: none does
}

// Equals is the best answer for the text as a whole: active before next before previous.
func (c *Comparison) Equals() Role {
	for _, role := range roles {
		for _, one := range c.Certificates {
			if one.Equals == role {
				return role
			}
		}
	}
	return Unknown
}

// Compare looks for the certificates of the set in what a service provider has: a certificate
// as pasted text or file, however damaged, or metadata in XML of at most 1 MiB.
func Compare(data []byte, set Set) *Comparison {
	c := &Comparison{}
	var texts []given
	if isXML(data) {
		found, fault := readMetadata(data)
		texts = found
		if fault != nil {
			c.Findings = Findings{*fault}
		}
	} else {
		report := Lint(data)
		texts, c.Findings = report.texts, report.Findings
	}
	for _, g := range texts {
		c.Certificates = append(c.Certificates, compareOne(g, set))
	}
	return c
}

// compareOne holds one certificate against all of the set.
func compareOne(g given, set Set) Compared {
	one := Compared{Equals: Unknown, Use: g.use, Descriptor: g.descriptor, Readable: g.cert != nil}
	if g.cert != nil {
		one.Facts = FactsOf(g.cert)
		g.base64 = base64.StdEncoding.EncodeToString(g.cert.Raw)
	} else {
		one.Facts.First, one.Facts.Last = edges(g.base64)
		one.Facts.Length = len(g.base64)
	}
	for _, role := range roles {
		slot := set.slot(role)
		if slot.Certificate == nil {
			continue
		}
		ours := base64.StdEncoding.EncodeToString(slot.Certificate.Raw)
		one.Differences = append(one.Differences, Difference{
			Against: role, Length: len(g.base64) - len(ours), First: firstDifference(g.base64, ours),
		})
		if g.cert != nil && one.Equals == Unknown && bytes.Equal(g.cert.Raw, slot.Certificate.Raw) {
			one.Equals = role
		}
	}
	return one
}

// firstDifference is the first position, from 1, at which a and b differ, and 0 if none does.
func firstDifference(a, b string) int {
	if a == b {
		return 0
	}
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i + 1
		}
	}
	return n + 1
}

// String is the answer in a sentence.
func (c Compared) String() string {
	if c.Equals != Unknown {
		return "equals " + string(c.Equals)
	}
	texts := make([]string, 0, len(c.Differences))
	for _, d := range c.Differences {
		texts = append(texts, d.String())
	}
	if len(texts) == 0 {
		return "unknown certificate"
	}
	return "unknown certificate; " + strings.Join(texts, "; ")
}

// String is the difference in words.
func (d Difference) String() string {
	length := "as long as " + string(d.Against)
	switch {
	case d.Length < 0:
		length = fmt.Sprintf("%d characters shorter than %s", -d.Length, d.Against)
	case d.Length > 0:
		length = fmt.Sprintf("%d characters longer than %s", d.Length, d.Against)
	}
	if d.First == 0 {
		return length + ", no difference"
	}
	return fmt.Sprintf("%s, first difference at character %d", length, d.First)
}
