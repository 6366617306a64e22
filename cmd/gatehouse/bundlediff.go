package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/sync/bundle"
	"gatehouse/sync/load"
)

const bundleDiffLong = `Say what bundle B changes for a gateway that has A, in CAs, clients and users rather than in files.
Either may be a bundle, a directory that bundles are made of, or a configuration directory; signatures
are not looked at. That a secret has changed is said, and never the secret; with sealed secrets that
needs an --identity, and without one they are not compared. Keys that B lets sign, or no longer, come
first: the rest of a bundle can be taken back, and a key that was removed cannot.

Exit codes: 0, no difference; 1, differences; 3, one of the two cannot be read.`

// A diffReport is the answer of bundle diff.
type diffReport struct {
	Changes         []load.Change `json:"changes"`
	SecretsCompared bool          `json:"secrets_compared"`
}

func newBundleDiffCommand() *cobra.Command {
	var identity string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "diff A B",
		Short:   "Say what a bundle changes, in CAs, clients and users",
		Long:    bundleDiffLong,
		Example: example("gatehouse bundle diff emea-000041.tar.gz emea-000042.tar.gz"),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("two bundles or directories are expected, not %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := readIdentity(identity, cmd.InOrStdin())
			if err != nil {
				return err
			}
			r, err := diff(args[0], args[1], id)
			if err != nil {
				return err
			}
			if !r.SecretsCompared {
				cmd.PrintErrln("gatehouse: secrets are not opened, and not compared: --identity does")
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), r)
			} else {
				err = r.print(cmd)
			}
			if err == nil && len(r.Changes) > 0 {
				return answerNo()
			}
			return err
		},
	}
	addIdentityFlag(cmd, &identity)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func (r *diffReport) print(cmd *cobra.Command) error {
	var b bytes.Buffer
	for _, c := range r.Changes {
		fmt.Fprintln(&b, c)
	}
	_, err := cmd.OutOrStdout().Write(b.Bytes())
	return err
}

// A side is one of two configurations to be compared.
type side struct {
	name    string
	fsys    fs.FS
	secrets map[string]string
	opened  bool
	keys    []bundle.TrustedKey // that may sign from then on; none: those that may already
}

func diff(a, b string, id *bundle.Identity) (*diffReport, error) {
	var sides []*side
	for _, name := range []string{a, b} {
		s, err := openSide(name, id)
		if err != nil {
			return nil, err
		}
		sides = append(sides, s)
	}
	r := &diffReport{SecretsCompared: sides[0].opened && sides[1].opened}
	options := func(s *side) load.Options {
		return load.Options{Now: time.Now(), Secrets: s.secrets, WithoutSecrets: !r.SecretsCompared}
	}
	before, problems := load.Load(sides[0].fsys, options(sides[0]))
	if problems.HasErrors() || before == nil {
		return nil, sides[0].refuse(problems)
	}
	after, problems := load.Load(sides[1].fsys, options(sides[1]))
	if problems.HasErrors() || after == nil {
		return nil, sides[1].refuse(problems)
	}
	changes, err := load.Diff(before, after)
	if err != nil {
		return nil, unreadable(err)
	}
	r.Changes = append(keyChanges(sides[0].keys, sides[1].keys), changes...)
	if !r.SecretsCompared {
		r.Changes = slices.DeleteFunc(r.Changes, func(c load.Change) bool { return c.Secret })
	}
	return r, nil
}

// keyChanges says which keys may sign once b counts, and which no longer.
func keyChanges(a, b []bundle.TrustedKey) []load.Change {
	changes := []load.Change{}
	added, removed := bundle.KeyChanges(a, b)
	for _, k := range added {
		changes = append(changes, load.Change{Op: load.Added, Kind: "trusted key", Name: k.ID()})
	}
	for _, k := range removed {
		changes = append(changes, load.Change{Op: load.Removed, Kind: "trusted key", Name: k.ID()})
	}
	return changes
}

// refuse says why a configuration cannot be compared.
func (s *side) refuse(problems load.Problems) error {
	for _, p := range problems {
		if p.Severity == load.Error {
			return exitf(exitUnreadable, "%s: its configuration has errors: %s", s.name, p)
		}
	}
	return exitf(exitUnreadable, "%s: there is no configuration in it", s.name)
}

// openSide opens a bundle or a directory.
func openSide(name string, id *bundle.Identity) (*side, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, unreadable(err)
	}
	var b *bundle.Bundle
	if !info.IsDir() {
		b, err = openUnverified(name, id)
	} else {
		var fsys fs.FS
		if fsys, err = openConfig(name); err != nil {
			return nil, err
		}
		if sealed, _ := fs.Glob(fsys, "secrets/*.age"); len(sealed) == 0 { // the pattern is right
			keys, err := keysIn(name, fsys)
			return &side{name: name, fsys: fsys, opened: true, keys: keys}, err
		}
		b, err = packUnsigned(name, id)
	}
	if err != nil {
		return nil, err
	}
	return &side{name: name, fsys: b.FS(), secrets: b.Secrets(), opened: b.SecretsOpened, keys: b.NextKeys}, nil
}

// keysIn reads the keys that a bundle of a directory would bring.
func keysIn(dir string, fsys fs.FS) (keys []bundle.TrustedKey, err error) {
	files, _ := fs.Glob(fsys, "fleet/trusted_keys/*.pub") // the pattern is right
	for _, file := range files {
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, unreadable(err)
		}
		key, err := bundle.ParseTrustedKey(dir+"/"+file, text)
		if err != nil {
			return nil, exitWith(exitUnreadable, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// packUnsigned looks at a directory as the bundle that would be made of it.
func packUnsigned(dir string, id *bundle.Identity) (*bundle.Bundle, error) {
	root, err := openSourceDir(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close() // only a handle to the directory
	built, err := bundle.Build(root.FS(), bundle.BuildOptions{ID: "unsigned", Serial: 1, AllowPlain: true})
	if err != nil {
		return nil, bundleError(err)
	}
	b, err := bundle.OpenUnverified(bytes.NewReader(built.Archive), int64(len(built.Archive)),
		bundle.VerifyOptions{Identity: id})
	if err != nil {
		return nil, bundleError(err)
	}
	return b, nil
}
