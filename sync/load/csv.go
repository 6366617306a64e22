package load

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"gatehouse/sync/strictyaml"
)

var errRecordTooLong = errors.New("a row is too long")

// csvRecords reads a table whose first row names the fields. Entries of lists are separated by
// semicolons; an empty cell is a field left out.
func csvRecords(r io.Reader) records {
	return func(yield func(*userRecord, []strictyaml.Problem) bool) {
		limited := &rowLimit{r: skipBOM(r)}
		table := &csvTable{rows: csv.NewReader(limited)}
		table.rows.ReuseRecord = true
		if problems := table.header(); len(problems) > 0 {
			yield(nil, problems)
			return
		}
		for table.keys != nil {
			limited.allowed = table.rows.InputOffset() + 2*strictyaml.MaxRecordBytes
			cells, err := table.rows.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil && !errors.Is(err, csv.ErrFieldCount) {
				yield(nil, []strictyaml.Problem{csvProblem(err)})
				return
			}
			var problems []strictyaml.Problem
			if err != nil {
				problems = append(problems, csvProblem(err))
			}
			u, more := table.user(cells)
			if !yield(u, append(problems, more...)) {
				return
			}
		}
	}
}

// csvTable is a table being read.
type csvTable struct {
	rows *csv.Reader
	keys []string // of the columns
}

// header reads the first row. An empty file has none, and no users.
func (t *csvTable) header() []strictyaml.Problem {
	cells, err := t.rows.Read()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return []strictyaml.Problem{csvProblem(err)}
	}
	var problems []strictyaml.Problem
	fail := func(column int, text, remedy string) {
		line, at := t.rows.FieldPos(column)
		problems = append(problems, strictyaml.Problem{Line: line, Column: at, Text: text, Remedy: remedy})
	}
	if len(cells) == 1 && strings.ContainsAny(cells[0], ";\t") {
		fail(0, "the columns are not separated by commas", "save the table with commas")
		return problems
	}
	seen := map[string]bool{}
	for i, key := range cells {
		key = strings.TrimSpace(key)
		if text, list := new(userYAML).field(key); text == nil && list == nil {
			fail(i, "unknown column"+strictyaml.Quoted(key, userKeys), strictyaml.DidYouMean(key, userKeys))
		} else if seen[key] {
			fail(i, fmt.Sprintf("column %q stands here twice", key), "remove one")
		}
		seen[key] = true
		t.keys = append(t.keys, key)
	}
	return problems
}

// user turns a row into a user. The cells are copied.
func (t *csvTable) user(cells []string) (*userRecord, []strictyaml.Problem) {
	u := &userRecord{}
	at := map[string]strictyaml.Position{}
	var problems []strictyaml.Problem
	for i, cell := range cells {
		line, column := t.rows.FieldPos(i)
		at[""] = strictyaml.Position{Line: line, Column: 1}
		if i >= len(t.keys) {
			break // reported as a wrong number of cells
		}
		pos := strictyaml.Position{Line: line, Column: column}
		if !utf8.ValidString(cell) {
			problems = append(problems, strictyaml.Problem{Line: line, Column: column,
				Text: "not UTF-8 text", Remedy: "save the file as UTF-8"})
			continue
		}
		if cell = strings.TrimSpace(cell); cell == "" {
			continue
		}
		at[t.keys[i]] = pos
		text, list := u.field(t.keys[i])
		if text != nil {
			*text = strings.Clone(cell)
			continue
		}
		for entry := range strings.SplitSeq(cell, ";") {
			if entry = strings.TrimSpace(entry); entry != "" {
				*list = append(*list, strings.Clone(entry))
			}
		}
	}
	u.at = func(field string) strictyaml.Position {
		field, _, _ = strings.Cut(field, "[")
		if p, ok := at[field]; ok {
			return p
		}
		return at[""]
	}
	return u, problems
}

// csvProblem explains an error of encoding/csv.
func csvProblem(err error) strictyaml.Problem {
	var e *csv.ParseError
	switch {
	case errors.Is(err, errRecordTooLong):
		return strictyaml.Problem{Text: errRecordTooLong.Error(), Remedy: "is a quote never closed?"}
	case !errors.As(err, &e):
		return strictyaml.Problem{Text: "the file cannot be read"}
	case errors.Is(err, csv.ErrFieldCount):
		return strictyaml.Problem{Line: e.Line, Column: e.Column,
			Text: "the row has another number of cells than the first", Remedy: "put cells that hold a comma in quotes"}
	}
	return strictyaml.Problem{Line: e.Line, Column: e.Column,
		Text: "a quote where none may stand, or one that is never closed", Remedy: `write "" for a quote inside quotes`}
}

// rowLimit bounds what is read for one row: encoding/csv would take a quote that is never
// closed for a cell as large as the file.
type rowLimit struct {
	r       io.Reader
	n       int64
	allowed int64 // 0: not known yet
}

func (l *rowLimit) Read(p []byte) (int, error) {
	if l.n > max(l.allowed, 2*strictyaml.MaxRecordBytes) {
		return 0, errRecordTooLong
	}
	n, err := l.r.Read(p[:min(len(p), 4096)])
	l.n += int64(n)
	return n, err
}

// skipBOM drops a byte order mark at the beginning of r.
func skipBOM(r io.Reader) io.Reader {
	b := bufio.NewReader(r)
	if head, err := b.Peek(3); err == nil && string(head) == "\xef\xbb\xbf" {
		_, _ = b.Discard(3) // was peeked: cannot fail
	}
	return b
}
