package load

import (
	"io"

	"gatehouse/sync/strictyaml"
)

// yamlRecords reads a YAML list of users. Entries in the plain form that programs write, nearly
// all of a large file, cost a twentieth of what the YAML library takes for them, and next to no
// garbage, of which the collection would slow down those who sign in meanwhile. All others, and
// whatever is wrong, are strictyaml's.
func yamlRecords(r io.Reader) records {
	return func(yield func(*userRecord, []strictyaml.Problem) bool) {
		entries := strictyaml.NewEntries(r)
		e := entry{}
		plain := userRecord{at: e.position}
		for {
			text, line, problem := entries.Next()
			if problem != nil {
				yield(nil, []strictyaml.Problem{*problem})
				return
			}
			if len(text) == 0 {
				return
			}
			e.text, e.line, plain.userYAML = text, line, userYAML{}
			if plainEntry(text, &plain.userYAML) {
				if !yield(&plain, nil) {
					return
				}
			} else if !e.strict(yield) {
				return
			}
		}
	}
}

// An entry is one user of a list.
type entry struct {
	text []byte
	line int // on which it begins
}

// strict has strictyaml read the entry, and reports whether more are wanted.
func (e *entry) strict(yield func(*userRecord, []strictyaml.Problem) bool) bool {
	take := func(rec *strictyaml.Record[userYAML], problems []strictyaml.Problem) bool {
		if rec == nil {
			return yield(nil, problems)
		}
		return yield(&userRecord{userYAML: rec.Value, at: rec.Positions.Of}, problems)
	}
	return strictyaml.DecodeEntry(e.text, e.line, take)
}

// position returns where a field of the entry stands. It is found out only when somebody asks,
// which takes a problem.
func (e *entry) position(field string) strictyaml.Position {
	at := strictyaml.Position{Line: e.line, Column: len("- ") + 1}
	if field == "" {
		return at
	}
	e.strict(func(u *userRecord, _ []strictyaml.Problem) bool {
		if u != nil {
			at = u.at(field)
		}
		return false
	})
	return at
}
