package bundle

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sort"
	"strings"
)

// SealOptions says how a directory is sealed.
type SealOptions struct {
	// Identity opens the secrets that are sealed already: usually the recovery identity. It is
	// needed as soon as there are any.
	Identity *Identity

	// Recipients are added to those in secrets/NAME.recipients, by NAME.
	Recipients map[string][]string

	// Forget are sealed files that are to go, by path.
	Forget []string
}

// A Sealing is what there is to do to seal a directory. To be safe against a crash it is done in
// this order: write Secrets, then Edits, then remove Remove.
type Sealing struct {
	Secrets map[string][]byte // secrets/*.age and *.recipients
	Edits   map[string][]byte // files in which references replace secrets
	Remove  []string          // files whose content is sealed now

	Taken      []string            // names and paths of the secrets found in plain
	Dropped    []string            // of those sealed that nobody needs any more
	Recipients map[string][]string // by the name of their file
}

// Changed reports whether there is anything to do.
func (s *Sealing) Changed() bool { return len(s.Secrets)+len(s.Edits)+len(s.Remove) > 0 }

// Seal takes the secrets out of a directory: values in YAML become references, and these values,
// keys, admins.yaml and files of users with password hashes go into secrets/NAME.age, encrypted
// for each secrets/NAME.recipients. Only what has changed is encrypted anew, for it is different
// every time; a directory that is sealed already stays byte for byte the same.
//
// It writes nothing. Errors about the directory are *Errors and hold no secret.
func Seal(fsys fs.FS, opt SealOptions) (*Sealing, error) {
	src, err := readSource(fsys)
	if err != nil {
		return nil, err
	}
	s := &sealer{source: src, opt: opt, out: &Sealing{Secrets: map[string][]byte{},
		Edits: map[string][]byte{}}, gone: map[string]bool{}}
	if err := s.addRecipients(); err != nil {
		return nil, err
	}
	if err := s.readSealed(); err != nil {
		return nil, err
	}
	if err := s.takeValues(); err != nil {
		return nil, err
	}
	s.takeFiles()
	if err := s.drop(); err != nil {
		return nil, err
	}
	if err := s.encrypt(); err != nil {
		return nil, err
	}
	return s.out, nil
}

// sealer is one run of Seal.
type sealer struct {
	*source
	opt    SealOptions
	before *sealed // nil: nothing was sealed
	now    *sealed
	out    *Sealing
	gone   map[string]bool // files to be removed
}

// addRecipients takes in those that the caller names, and writes them down.
func (s *sealer) addRecipients() error {
	for _, name := range slices.Sorted(maps.Keys(s.opt.Recipients)) {
		file := path.Join(secretsDir, name+recipientsExt)
		if !isName(name) || len(file) > maxPathBytes {
			return malformed(SourceBad, "the name %q of a recipient is not usable", plain(name))
		}
		text, err := fs.ReadFile(s.fsys, file)
		if err != nil {
			text = []byte("# who can open the secrets, one age recipient a line\n")
		}
		if len(text) > 0 && text[len(text)-1] != '\n' {
			text = append(text, '\n')
		}
		added := false
		for _, r := range s.opt.Recipients[name] {
			if !slices.Contains(s.groups[name], r) {
				text, added = append(text, r+"\n"...), true
			}
		}
		if !added {
			continue
		}
		if err := s.takeGroup(file, text); err != nil {
			return err
		}
		s.out.Secrets[file] = text
	}
	if len(s.groups) == 0 {
		return malformed(SourceBad, "there are no recipients: name one, or write secrets/NAME.recipients")
	}
	s.out.Recipients = s.groups
	return nil
}

// sealedFiles returns the files of secrets that there are.
func (s *sealer) sealedFiles() map[string][]byte {
	files := map[string][]byte{}
	for name, data := range s.files {
		if kindOf(name) == KindSecrets {
			files[name] = data
		}
	}
	return files
}

// readSealed opens what is sealed already.
func (s *sealer) readSealed() error {
	files := s.sealedFiles()
	s.now = newSealed()
	if len(files) == 0 {
		return nil
	}
	if s.opt.Identity == nil {
		return refused(NoRecipient, "there are sealed secrets already: an identity that opens them is needed")
	}
	var err error
	if s.before, err = openSealed(files, s.opt.Identity); err != nil {
		return err
	}
	if s.before == nil {
		return refused(NoRecipient, "none of the %d files of secrets is encrypted to %s",
			len(files), s.opt.Identity.Recipient())
	}
	maps.Copy(s.now.Values, s.before.Values)
	maps.Copy(s.now.Files, s.before.Files)
	return nil
}

// takeValues moves the values out of the YAML files.
func (s *sealer) takeValues() error {
	all, err := s.spots()
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, p := range all {
		if p.isRef() {
			used[p.text] = true
		}
	}
	refs := map[spot]string{}
	byFile := map[string][]spot{}
	for _, p := range all {
		if p.isRef() {
			continue
		}
		value, err := s.valueOf(p)
		if err != nil {
			return err
		}
		name := p.name
		for n := 2; used[name]; n++ {
			name = fmt.Sprintf("%s-%d", p.name, n)
		}
		used[name], refs[p] = true, name
		byFile[p.file] = append(byFile[p.file], p)
		s.now.Values[name] = value
		s.out.Taken = append(s.out.Taken, name)
	}
	for file, spots := range byFile {
		edited, err := s.edit(file, spots, refs)
		if err != nil {
			return err
		}
		s.out.Edits[file], s.files[file] = edited, edited
	}
	return nil
}

// valueOf returns the secret at p. A file that holds it is removed once all is written.
func (s *sealer) valueOf(p spot) (string, error) {
	if !p.isFile() {
		return p.text, nil
	}
	name := path.Join(path.Dir(p.file), p.text)
	data, err := readLimited(s.fsys, name)
	if path.IsAbs(p.text) || err != nil {
		return "", malformed(SourceBad, "%s: there is no such file", p.where())
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if value == "" {
		return "", malformed(SourceBad, "%s: the file %q is empty", p.where(), plain(p.text))
	}
	if kindOf(name) == "" { // one that is something else too stays
		s.gone[name] = true
	}
	return value, nil
}

// edit replaces spots in a file and makes sure that what comes out says what it should.
func (s *sealer) edit(file string, spots []spot, refs map[spot]string) ([]byte, error) {
	sort.Slice(spots, func(i, j int) bool {
		a, b := &spots[i], &spots[j]
		return (a.at.Line-b.at.Line)<<16+a.at.Column-b.at.Column < 0
	})
	edited, err := replaceSpots(s.files[file], spots, refs)
	if err != nil {
		return nil, err
	}
	again, err := findSpots(file, edited)
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for _, p := range again {
		if !p.isRef() {
			return nil, malformed(SourceBad, "%s: this secret cannot be replaced", p.where())
		}
		found[p.text] = true
	}
	for _, p := range spots {
		if !found[refs[p]] {
			return nil, malformed(SourceBad, "%s: this secret cannot be replaced", p.where())
		}
	}
	return edited, nil
}

// takeFiles moves whole files out.
func (s *sealer) takeFiles() {
	for _, name := range s.sorted() {
		if !isSecretFile(name, s.files[name]) {
			continue
		}
		s.now.Files[name] = string(s.files[name])
		s.gone[name] = true
		s.out.Taken = append(s.out.Taken, name)
	}
	s.out.Remove = slices.Sorted(maps.Keys(s.gone))
}

// drop forgets what nobody needs any more, and refuses references to what there is not.
func (s *sealer) drop() error {
	spots, err := s.spots()
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, p := range spots {
		if _, ok := s.now.Values[p.text]; !ok {
			return malformed(SourceBad, "%s: nothing of this name is sealed: write the secret itself", p.where())
		}
		wanted[p.text] = true
	}
	for _, name := range slices.Sorted(maps.Keys(s.now.Values)) {
		if !wanted[name] {
			delete(s.now.Values, name)
			s.out.Dropped = append(s.out.Dropped, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.now.Files)) {
		if s.isOrphan(name) || slices.Contains(s.opt.Forget, name) {
			delete(s.now.Files, name)
			s.out.Dropped = append(s.out.Dropped, name)
		}
	}
	return nil
}

// isOrphan reports whether name is a key that was sealed before and has no certificate any more.
// One that is taken only now is never: its certificate may be to come, and seal removes the file.
func (s *sealer) isOrphan(name string) bool {
	if _, fresh := s.files[name]; fresh || !isKeyFile(name) {
		return false
	}
	for other := range s.files {
		if path.Dir(other) == path.Dir(name) && path.Ext(other) == ".pem" {
			return false
		}
	}
	return true
}

// encrypt writes the files of secrets anew if anything in them has changed, or for whom they
// are, and removes those of recipients that are no more.
func (s *sealer) encrypt() error {
	s.now.Recipients = s.groups
	files := s.sealedFiles()
	whole := len(files) == len(s.groups)
	for name := range s.groups {
		_, there := files[path.Join(secretsDir, name+sealedExt)]
		whole = whole && there
	}
	switch {
	case s.before == nil && s.now.empty(): // nothing to seal
		return nil
	case s.before != nil && whole && s.now.equal(s.before):
		return nil
	}
	text, err := s.now.encode()
	if err != nil {
		return malformed(SecretsBad, "sealing").because(err)
	}
	for name, list := range s.groups {
		data, err := encrypt(text, list)
		if err != nil {
			return malformed(SecretsBad, "sealing").because(err)
		}
		s.out.Secrets[path.Join(secretsDir, name+sealedExt)] = data
	}
	for name := range files {
		if _, kept := s.groups[stemOf(name)]; !kept {
			s.out.Remove = append(s.out.Remove, name)
		}
	}
	clear(s.now.Values) // as far as it helps
	return nil
}
