package strictyaml

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Bounds of a list that is read record by record.
const (
	MaxRecordBytes = 64 << 10
	maxLineBytes   = MaxRecordBytes
)

// A Record is one entry of a list, with where its values stand in the whole file.
type Record[T any] struct {
	Value     T
	Positions *Positions
}

// Records reads a YAML list entry by entry, each decoded as Decode does, and holds no more than
// one of them: a list of a hundred thousand users costs the memory of the longest. Every entry
// comes with the problems found in it, as a nil Record when it could not be parsed at all, and
// reading goes on behind it; an entry or line too large, or an error of r, ends the list.
//
// The entries begin with "- ", all in the same column; a list in brackets is taken too, as a
// whole, up to MaxDocumentBytes.
func Records[T any](r io.Reader) iter.Seq2[*Record[T], []Problem] {
	return func(yield func(*Record[T], []Problem) bool) {
		c := &chunker{lines: bufio.NewReader(r), indent: -1}
		for {
			chunk, first, p := c.next()
			if p != nil {
				yield(nil, []Problem{*p})
				return
			}
			if chunk == nil {
				return
			}
			if !decodeChunk(chunk, first, yield) {
				return
			}
		}
	}
}

// decodeChunk decodes the entries in chunk, which begins on line first of the file, and reports
// whether to go on.
func decodeChunk[T any](chunk []byte, first int, yield func(*Record[T], []Problem) bool) bool {
	body, problems := parse(chunk)
	if len(problems) > 0 {
		moveProblems(problems, first-1)
		return yield(nil, problems)
	}
	list, ok := body.(*ast.SequenceNode)
	switch {
	case body == nil:
		return true
	case !ok:
		at := position(body)
		return yield(nil, []Problem{{at.Line + first - 1, at.Column,
			"expected a list, found " + kind(body), `begin every entry with "- "`}})
	}
	for _, n := range list.Values {
		record := &Record[T]{Positions: &Positions{}}
		d := &decoder{positions: record.Positions}
		d.value(n, "", reflect.ValueOf(&record.Value).Elem())
		moveProblems(d.problems, first-1)
		record.Positions.move(first - 1)
		if !yield(record, d.problems) {
			return false
		}
	}
	return true
}

// moveProblems puts problems found in a chunk on their lines in the file.
func moveProblems(problems []Problem, lines int) {
	for i := range problems {
		if problems[i].Line > 0 {
			problems[i].Line += lines
		}
	}
}

// chunker cuts a list into entries without parsing it. In a list whose entries begin in column
// n, no line of an entry's content may begin in column n or left of it, so that a line beginning
// with "- " there is the next entry whatever the lines before hold.
type chunker struct {
	lines  *bufio.Reader
	line   int    // number of the last line read
	indent int    // columns before "- "; -1: not known yet
	held   []byte // first line of the next entry
	done   bool
}

// next returns the text of the next entry and the line on which it begins, nil at the end.
func (c *chunker) next() ([]byte, int, *Problem) {
	chunk, first := c.held, c.line
	c.held = nil
	for !c.done {
		line, p := c.read()
		if p != nil {
			return nil, 0, p
		}
		switch {
		case c.indent < 0 && blank(line):
			continue
		case c.indent < 0 && isMarker(line, "---"):
			continue
		case c.indent < 0:
			if !isEntry(line, indentOf(line)) {
				return c.rest(line)
			}
			c.indent = indentOf(line)
			chunk, first = line, c.line
			continue
		case isEntry(line, c.indent) && chunk != nil:
			c.held = line
			return chunk, first, nil
		}
		if chunk = append(chunk, line...); len(chunk) > MaxRecordBytes {
			text := fmt.Sprintf("an entry of more than %d bytes", MaxRecordBytes)
			return nil, 0, &Problem{first, 1, text, ""}
		}
	}
	return chunk, first, nil
}

// rest returns all that is left as one chunk: a list in brackets, or no list at all.
func (c *chunker) rest(line []byte) ([]byte, int, *Problem) {
	first := c.line
	more, err := io.ReadAll(io.LimitReader(c.lines, MaxDocumentBytes+1))
	if err != nil {
		return nil, 0, &Problem{Text: "the file cannot be read"}
	}
	c.done = true
	return append(line, more...), first, nil
}

// read returns a copy of the next line, empty at the end of the file.
func (c *chunker) read() ([]byte, *Problem) {
	var line []byte
	for {
		part, err := c.lines.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLineBytes {
			text := fmt.Sprintf("a line of more than %d bytes", maxLineBytes)
			return nil, &Problem{c.line + 1, 1, text, ""}
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		c.line++
		if c.line == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		switch {
		case errors.Is(err, io.EOF):
			c.done = true
		case err != nil:
			return nil, &Problem{Text: "the file cannot be read"}
		}
		return line, nil
	}
}

// isEntry reports whether line begins an entry of a list whose dashes stand behind indent
// spaces.
func isEntry(line []byte, indent int) bool {
	if len(line) <= indent || indentOf(line) != indent || line[indent] != '-' {
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
