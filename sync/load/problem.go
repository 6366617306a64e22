package load

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Severity says what a Problem costs.
type Severity string

// The severities. An error costs the object it is in; a warning costs nothing and is said all
// the same.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Effect says what became of the object that an error is in.
type Effect string

// The effects. A warning has none, unless it is about a deletion that waits.
const (
	Kept    Effect = "kept"     // its last good version stays in force; of warnings: for a while
	LeftOut Effect = "left_out" // it is in no configuration
	Reduced Effect = "reduced"  // it is in force without what the error is about
)

// A Problem is one thing wrong, or doubtful, in a configuration directory. It never holds a
// secret.
type Problem struct {
	File     string   `json:"file"`   // relative to the directory, with slashes
	Line     int      `json:"line"`   // from 1; 0: the file as a whole
	Column   int      `json:"column"` // from 1, in characters; 0: the line as a whole
	Severity Severity `json:"severity"`
	// Object is what the problem is in: "policy", "admins", "ca/NAME", "server/NAME",
	// "radius/NAME", "users/FILE". Empty: none in particular.
	Object string `json:"object,omitempty"`
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
	Effect Effect `json:"effect,omitempty"`
}

// String returns "file:line:column: text — remedy", with "warning: " before the text of one. A
// problem of a file as a whole is said of its first line, so that editors find it.
func (p Problem) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", p.File, max(1, p.Line), max(1, p.Column))
	if p.Severity == Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(p.Text)
	if p.Remedy != "" {
		b.WriteString(" — " + p.Remedy)
	}
	return b.String()
}

// Problems is what Load finds, in the order of files, lines and columns.
type Problems []Problem

// HasErrors reports whether one of them is an error.
func (ps Problems) HasErrors() bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return p.Severity == Error })
}

func (ps Problems) sort() {
	sort.SliceStable(ps, func(i, j int) bool {
		a, b := &ps[i], &ps[j]
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column,
			strings.Compare(a.Text, b.Text)) < 0
	})
}
