package load

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"

	"gatehouse/authcore/identity"
)

// ErrChanged says that a file of users is no longer what was judged: look again.
var ErrChanged = errors.New("the file has changed since it was judged")

// reading is a file of users that has been judged and can be read again, record by record.
// Nothing of it is held.
type reading struct {
	fsys fs.FS
	file string
	sum  [sha256.Size]byte
}

// set returns the users as a re-readable source.
func (r reading) set() identity.Set {
	return identity.Set{Source: r.file, Sum: r.sum, All: r.users}
}

// users yields the users. If the content is not what was judged, that is an error, at the latest
// behind the last one.
func (r reading) users() iter.Seq2[*identity.User, error] {
	return func(yield func(*identity.User, error) bool) {
		for j, err := range r.records() {
			if err == nil && j.user == nil {
				err = ErrChanged // it had no problems
			}
			if !yield(j.user, err) || err != nil {
				return
			}
		}
	}
}

var errStopped = errors.New("nobody wants more")

// records yields the records, and an error last if the content is not what was judged.
func (r reading) records() iter.Seq2[judged, error] {
	return func(yield func(judged, error) bool) {
		t := &tree{fsys: r.fsys, sums: map[string][sha256.Size]byte{}}
		err := t.stream(r.file, maxUsersBytes, func(content io.Reader) error {
			for j := range judgeRecords(r.file, content) {
				if !yield(j, nil) {
					return errStopped
				}
			}
			return nil
		})
		switch {
		case errors.Is(err, errStopped):
		case errors.Is(err, errTorn), err == nil && t.sums[r.file] != r.sum:
			yield(judged{}, ErrChanged)
		case err != nil:
			yield(judged{}, fmt.Errorf("reading it again: %w", err))
		}
	}
}
