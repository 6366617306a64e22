package load

import (
	"bufio"
	"bytes"
	"io"

	"gatehouse/sync/strictyaml"
)

// yamlRecords reads a YAML list of users. Entries in the plain form that programs write, nearly
// all of a large file, cost a twentieth of what the YAML library takes for them, and next to no
// garbage, of which the collection would slow down those who sign in meanwhile. All others, and
// whatever is wrong, are strictyaml's.
func yamlRecords(r io.Reader) records {
	return func(yield func(*userRecord, []strictyaml.Problem) bool) {
		e := entriesOf(r)
		strict := bufio.NewReader(nil)
		plain := userRecord{at: e.position}
		for e.next() {
			plain.userYAML = userYAML{}
			if plainEntry(e.entry, &plain.userYAML) {
				if !yield(&plain, nil) {
					return
				}
				continue
			}
			strict.Reset(bytes.NewReader(e.entry))
			if !strictRecords(strict, e.line-1, yield) {
				return
			}
		}
		if e.rest != nil {
			strictRecords(e.rest, e.line-1, yield)
		}
	}
}

// strictRecords has strictyaml read the users in r, which follows that many lines of the file, and
// reports whether more are wanted.
func strictRecords(
	r io.Reader, lines int, yield func(*userRecord, []strictyaml.Problem) bool,
) bool {
	move := func(line int) int {
		if line > 0 { // of the file as a whole
			line += lines
		}
		return line
	}
	for rec, problems := range strictyaml.Records[userYAML](r) {
		for i := range problems {
			problems[i].Line = move(problems[i].Line)
		}
		var u *userRecord
		if rec != nil {
			u = &userRecord{userYAML: rec.Value, at: func(field string) strictyaml.Position {
				at := rec.Positions.Of(field)
				at.Line = move(at.Line)
				return at
			}}
		}
		if !yield(u, problems) {
			return false
		}
	}
	return true
}

// entries cuts a list into its entries, as far as these begin with "- " in the first column. It
// holds one at a time.
type entries struct {
	lines *bufio.Reader
	entry []byte // until the next call of next
	line  int    // on which entry, or rest, begins
	rest  io.Reader

	held  []byte // first line of the next entry
	read  int    // lines
	begun bool
	ended bool
}

func entriesOf(r io.Reader) entries {
	return entries{lines: bufio.NewReaderSize(r, strictyaml.MaxRecordBytes)}
}

// next reads an entry. When it returns false, what rest holds, if anything, is for strictyaml.
func (e *entries) next() bool {
	e.entry = append(e.entry[:0], e.held...)
	if e.line = max(e.read, 1); !e.begun {
		e.line = 1
	}
	for !e.ended {
		line, err := e.lines.ReadSlice('\n')
		e.ended = err == io.EOF
		switch {
		case err != nil && !e.ended, len(e.entry)+len(line) > strictyaml.MaxRecordBytes:
			return e.handOver(line, err)
		case len(line) == 0:
			continue
		}
		e.read++
		switch begins := isPlainStart(line); {
		case !e.begun && begins:
			e.begun, e.line, e.entry = true, e.read, e.entry[:0]
		case !e.begun && !isPreface(line):
			return e.handOver(line, nil)
		case begins:
			e.held = append(e.held[:0], line...)
			return true
		}
		e.entry = append(e.entry, line...)
	}
	e.held = e.held[:0]
	return e.begun && len(e.entry) > 0
}

// handOver leaves what follows to strictyaml: line, and all behind it, or why it cannot be read.
func (e *entries) handOver(line []byte, err error) bool {
	rest := io.Reader(e.lines)
	if err != nil && err != bufio.ErrBufferFull {
		rest = failing{err}
	}
	e.rest = io.MultiReader(bytes.NewReader(append(e.entry, line...)), rest)
	return false
}

// failing is a reader that has failed.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// position returns where a field of the entry stands. It is found out only when somebody asks,
// which takes a problem.
func (e *entries) position(field string) strictyaml.Position {
	at := strictyaml.Position{Line: e.line, Column: len("- ") + 1}
	if field == "" {
		return at
	}
	take := func(u *userRecord, _ []strictyaml.Problem) bool {
		if u != nil {
			at = u.at(field)
		}
		return false
	}
	strictRecords(bytes.NewReader(e.entry), e.line-1, take)
	return at
}

func isPlainStart(line []byte) bool {
	return line[0] == '-' && (len(line) == 1 || bytes.IndexByte([]byte(" \t\r\n"), line[1]) >= 0)
}

// isPreface reports whether line says nothing, before the first entry.
func isPreface(line []byte) bool {
	text := bytes.TrimSpace(line)
	return len(text) == 0 || text[0] == '#' || string(bytes.TrimRight(line, " \t\r\n")) == "---"
}
