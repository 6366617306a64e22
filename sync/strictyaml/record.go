package strictyaml

import (
	"io"
	"iter"
	"reflect"

	"github.com/goccy/go-yaml/ast"
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
		entries := NewEntries(r)
		for {
			text, line, p := entries.Next()
			if p != nil {
				yield(nil, []Problem{*p})
				return
			}
			if len(text) == 0 || !DecodeEntry(text, line, yield) {
				return
			}
		}
	}
}

// DecodeEntry decodes what Entries returned, which begins on line first of the file, and reports
// whether to go on.
func DecodeEntry[T any](chunk []byte, first int, yield func(*Record[T], []Problem) bool) bool {
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
