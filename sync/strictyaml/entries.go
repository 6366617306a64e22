package strictyaml

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of a list that is read record by record.
const (
	MaxRecordBytes = 64 << 10
	maxLineBytes   = MaxRecordBytes
)

// Entries cuts a list into its entries without parsing it, and holds one of them at a time. In a
// list whose entries begin in column n, no line of an entry's content may begin in column n or left
// of it, so that a line beginning with "- " there is the next entry whatever the lines before hold.
type Entries struct {
	lines  *bufio.Reader
	line   int    // number of the last line read
	indent int    // columns before "- "; -1: not known yet
	entry  []byte // what Next returned last
	held   []byte // first line of the next entry; empty: there is none
	done   bool
}

// NewEntries returns the entries of the list in r.
func NewEntries(r io.Reader) *Entries {
	return &Entries{lines: bufio.NewReaderSize(r, maxLineBytes+1), indent: -1}
}

// Next returns the text of the next entry, good until the next call, and the line on which it
// begins; no text at the end. What is no list of such entries comes as a whole, up to a little more
// than MaxDocumentBytes. After a Problem there is nothing more to be had.
func (e *Entries) Next() ([]byte, int, *Problem) {
	e.entry = append(e.entry[:0], e.held...)
	first := e.line
	e.held = e.held[:0]
	for !e.done {
		line, p := e.read()
		if p != nil {
			return nil, 0, p
		}
		switch {
		case e.indent < 0 && (blank(line) || isMarker(line, "---")):
			continue
		case e.indent < 0:
			if !isEntry(line, indentOf(line)) {
				return e.rest(line)
			}
			e.indent, first = indentOf(line), e.line
		case isEntry(line, e.indent):
			e.held = append(e.held, line...)
			return e.entry, first, nil
		}
		if e.entry = append(e.entry, line...); len(e.entry) > MaxRecordBytes {
			text := fmt.Sprintf("an entry of more than %d bytes", MaxRecordBytes)
			return nil, 0, &Problem{first, 1, text, ""}
		}
	}
	return e.entry, first, nil
}

// rest returns all that is left as one: a list in brackets, or no list at all.
func (e *Entries) rest(line []byte) ([]byte, int, *Problem) {
	first, begin := e.line, bytes.Clone(line)
	more, err := io.ReadAll(io.LimitReader(e.lines, MaxDocumentBytes+1))
	if err != nil {
		return nil, 0, &Problem{Text: "the file cannot be read"}
	}
	e.done = true
	return append(begin, more...), first, nil
}

// read returns the next line until it is called again, an empty one at the end of the file.
func (e *Entries) read() ([]byte, *Problem) {
	line, err := e.lines.ReadSlice('\n')
	if len(line) > maxLineBytes {
		text := fmt.Sprintf("a line of more than %d bytes", maxLineBytes)
		return nil, &Problem{e.line + 1, 1, text, ""}
	}
	e.line++
	if e.line == 1 {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	switch {
	case errors.Is(err, io.EOF):
		e.done = true
	case err != nil:
		return nil, &Problem{Text: "the file cannot be read"}
	}
	return line, nil
}

// isEntry reports whether line begins an entry of a list whose dashes stand behind indent
// spaces.
func isEntry(line []byte, indent int) bool {
	if len(line) <= indent || line[indent] != '-' || indentOf(line) != indent {
		return false
	}
	return len(line) == indent+1 || strings.IndexByte(" \t\r\n", line[indent+1]) >= 0
}

func indentOf(line []byte) int {
	return len(line) - len(bytes.TrimLeft(line, " "))
}

// blank reports whether line holds nothing but space and comment.
func blank(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) == 0 || line[0] == '#'
}

func isMarker(line []byte, marker string) bool {
	return string(bytes.TrimRight(line, " \t\r\n")) == marker
}
