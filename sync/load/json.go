package load

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"gatehouse/sync/strictyaml"
)

// jsonRecords reads JSON Lines: one object on every line, blank lines between them.
func jsonRecords(r io.Reader) records {
	return func(yield func(*userRecord, []strictyaml.Problem) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 0, 4096), strictyaml.MaxRecordBytes)
		n := 0
		for lines.Scan() {
			n++
			line := lines.Bytes()
			if n == 1 {
				line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
			}
			if len(bytes.TrimSpace(line)) == 0 {
				continue
			}
			d := &jsonLine{line: line, number: n, columns: map[string]int{}}
			d.decode()
			if !yield(&userRecord{d.user, d.position}, d.problems) {
				return
			}
		}
		switch err := lines.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			yield(nil, []strictyaml.Problem{{Line: n + 1, Column: 1,
				Text: fmt.Sprintf("a line of more than %d bytes", strictyaml.MaxRecordBytes)}})
		case err != nil:
			yield(nil, []strictyaml.Problem{{Text: "the file cannot be read"}})
		}
	}
}

// jsonLine decodes one line. encoding/json neither refuses a key that stands there twice nor
// says where a value stands, so that the tokens are taken one by one.
type jsonLine struct {
	line     []byte
	number   int
	tokens   *json.Decoder
	user     userYAML
	columns  map[string]int
	problems []strictyaml.Problem
}

func (d *jsonLine) position(field string) strictyaml.Position {
	return strictyaml.Position{Line: d.number, Column: max(1, d.columns[field])}
}

func (d *jsonLine) fail(column int, text, remedy string) {
	d.problems = append(d.problems, strictyaml.Problem{Line: d.number, Column: column, Text: text, Remedy: remedy})
}

// next returns the next token and the column in which it begins.
func (d *jsonLine) next() (json.Token, int, bool) {
	start := int(d.tokens.InputOffset())
	for start < len(d.line) && bytes.IndexByte([]byte(" \t,:"), d.line[start]) >= 0 {
		start++
	}
	column := 1 + utf8.RuneCount(d.line[:start])
	t, err := d.tokens.Token()
	if err != nil {
		d.fail(column, "this is not JSON", "write one object in braces on the line")
		return nil, column, false
	}
	return t, column, true
}

func (d *jsonLine) decode() {
	if !utf8.Valid(d.line) {
		d.fail(1, "not UTF-8 text", "save the file as UTF-8")
		return
	}
	d.tokens = json.NewDecoder(bytes.NewReader(d.line))
	d.tokens.UseNumber()
	t, column, ok := d.next()
	if !ok {
		return
	}
	if t != json.Delim('{') {
		d.fail(column, "expected an object in braces", `write {"username": "…"}`)
		return
	}
	for d.tokens.More() {
		if !d.member() {
			return
		}
	}
	if _, _, ok := d.next(); !ok { // the closing brace
		return
	}
	if rest := d.line[d.tokens.InputOffset():]; len(bytes.TrimSpace(rest)) > 0 {
		d.fail(1+utf8.RuneCount(d.line[:d.tokens.InputOffset()]), "something follows the object", "begin a new line")
	}
}

// member decodes one key with its value, and reports whether to go on.
func (d *jsonLine) member() bool {
	t, column, ok := d.next()
	if !ok {
		return false
	}
	key, _ := t.(string) // a key is always text
	text, list := d.user.field(key)
	switch _, twice := d.columns[key]; {
	case text == nil && list == nil:
		d.fail(column, "unknown key"+strictyaml.Quoted(key, userKeys), strictyaml.DidYouMean(key, userKeys))
		return d.skip()
	case twice:
		d.fail(column, fmt.Sprintf("key %q stands here twice", key), "remove one")
		return d.skip()
	}
	if t, column, ok = d.next(); !ok {
		return false
	}
	d.columns[key] = column
	if text != nil {
		return d.text(t, column, text)
	}
	return d.list(t, column, list)
}

// skip passes over the value of a key that is not wanted.
func (d *jsonLine) skip() bool {
	var ignored json.RawMessage
	if err := d.tokens.Decode(&ignored); err != nil {
		d.fail(1+utf8.RuneCount(d.line[:d.tokens.InputOffset()]), "this is not JSON", "")
		return false
	}
	return true
}

func (d *jsonLine) text(t json.Token, column int, into *string) bool {
	switch v := t.(type) {
	case string:
		*into = v
	case json.Number: // such as the number of a VLAN
		*into = v.String()
	default:
		d.fail(column, "expected text in quotes", "")
		return false
	}
	return true
}

func (d *jsonLine) list(t json.Token, column int, into *[]string) bool {
	if t != json.Delim('[') {
		d.fail(column, "expected a list in brackets", `write ["a", "b"]`)
		return false
	}
	for d.tokens.More() {
		t, column, ok := d.next()
		if !ok {
			return false
		}
		var entry string
		if !d.text(t, column, &entry) {
			return false
		}
		*into = append(*into, entry)
	}
	_, _, ok := d.next() // the closing bracket
	return ok
}
