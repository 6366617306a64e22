package load

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"gatehouse/sync/strictyaml"
)

// object is one of the things that stand or fall as a whole: the policy, a CA, a credential, a
// RADIUS server, a file of users.
type object struct {
	name     string
	problems Problems
	failed   bool
	files    []string // that it was read from
	brought  []string // names of secrets of a bundle that it has
}

// read is tree.read of a file that o consists of.
func (o *object) read(t *tree, file string) ([]byte, error) {
	o.files = append(o.files, file)
	return t.read(file)
}

func (o *object) add(p Problem) {
	p.Object = o.name
	if p.Severity == Error {
		o.failed = true
	}
	o.problems = append(o.problems, p)
}

// fail reports an error in a file as a whole, or at a line of it.
func (o *object) fail(file string, line int, text, remedy string) {
	o.add(Problem{File: file, Line: line, Severity: Error, Text: text, Remedy: remedy})
}

// warn is fail for a warning.
func (o *object) warn(file string, line int, text, remedy string) {
	o.add(Problem{File: file, Line: line, Severity: Warning, Text: text, Remedy: remedy})
}

// settle writes on every error what it costs.
func (o *object) settle(e Effect) {
	for i := range o.problems {
		if o.problems[i].Severity == Error && o.problems[i].Effect == "" {
			o.problems[i].Effect = e
		}
	}
}

// document is one YAML file of an object, decoded, of which the values are being judged.
type document struct {
	*object
	tree *tree
	file string
	at   *strictyaml.Positions
	bad  map[strictyaml.Position]bool // reported when decoding: what follows from it is not said
}

// decode reads a YAML file over what v points to. It returns nil if the file cannot be read, or
// is no YAML at all, so that there is nothing to judge.
func (o *object) decode(t *tree, file string, v any) *document {
	d := &document{object: o, tree: t, file: file, at: &strictyaml.Positions{},
		bad: map[strictyaml.Position]bool{}}
	data, err := o.read(t, file)
	if err != nil {
		o.fail(file, 0, "the file cannot be read: "+err.Error(), "")
		return nil
	}
	at, problems := strictyaml.Decode(data, v)
	d.at = at
	for _, p := range problems {
		d.bad[strictyaml.Position{Line: p.Line, Column: p.Column}] = true
		o.add(Problem{File: file, Line: p.Line, Column: p.Column, Severity: Error,
			Text: p.Text, Remedy: p.Remedy})
	}
	if len(problems) > 0 && !at.Has("") {
		return nil
	}
	return d
}

// report adds a problem with the value at path.
func (d *document) report(s Severity, path, text, remedy string) {
	at := d.at.Of(path)
	if d.bad[at] {
		return
	}
	d.add(Problem{File: d.file, Line: at.Line, Column: at.Column, Severity: s,
		Text: text, Remedy: remedy})
}

// oneOf checks a value that is one of a few words.
func (d *document) oneOf(path, value string, known ...string) bool {
	if slices.Contains(known, value) {
		return true
	}
	d.report(Error, path, leaf(path)+": unknown value"+strictyaml.Quoted(value, known),
		strictyaml.DidYouMean(value, known))
	return false
}

// words checks a list of words: each known, none twice, at least one.
func (d *document) words(path string, values []string, known ...string) {
	if len(values) == 0 {
		d.report(Error, path, leaf(path)+" is empty", "known here: "+strings.Join(known, ", "))
	}
	for i, v := range values {
		at := fmt.Sprintf("%s[%d]", path, i)
		if d.oneOf(at, v, known...) && slices.Contains(values[:i], v) {
			d.report(Error, at, fmt.Sprintf("%q stands here twice", v), "")
		}
	}
}

// within checks a duration. Both ends are allowed.
func (d *document) within(path string, value, least, most time.Duration) {
	if value < least || value > most {
		d.report(Error, path, fmt.Sprintf("%s: %v is out of range", leaf(path), value),
			fmt.Sprintf("from %v to %v", least, most))
	}
}

// number checks an integer. Both ends are allowed.
func (d *document) number(path string, value, least, most int) {
	if value < least || value > most {
		d.report(Error, path, fmt.Sprintf("%s: %d is out of range", leaf(path), value),
			fmt.Sprintf("from %d to %d", least, most))
	}
}

// names checks a list of free words, such as groups: none empty, none twice.
func (d *document) names(path string, values []string) {
	for i, v := range values {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case strings.TrimSpace(v) != v || v == "":
			d.report(Error, at, "an empty name, or one with a space at its end", "")
		case slices.Contains(values[:i], v):
			d.report(Warning, at, fmt.Sprintf("%q stands here twice", clip(v)), "remove one")
		}
	}
}

// relative resolves a file named in d. False: it lies outside of the configuration directory.
func (d *document) relative(file string) (string, bool) {
	if file == "" || path.IsAbs(file) || strings.Contains(file, `\`) {
		return "", false
	}
	name := path.Join(path.Dir(d.file), file)
	return name, name != ".." && !strings.HasPrefix(name, "../")
}

// folder names the folder of a file for a message.
func folder(file string) string {
	if dir := path.Dir(file); dir != "." {
		return dir + "/"
	}
	return "the directory"
}

// leaf returns the last key of a path, without an index.
func leaf(path string) string {
	path = path[strings.LastIndexByte(path, '.')+1:]
	name, _, _ := strings.Cut(path, "[")
	return name
}

// clip shortens a value that a message quotes.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
