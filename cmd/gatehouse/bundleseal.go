package main

import (
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/sync/bundle"
)

const bundleSealLong = `Take the secrets out of a directory that bundles are made of, and put them, encrypted, into
secrets/NAME.age for everybody in secrets/NAME.recipients. In YAML, secret: and secret_file: become
secret_ref:; private keys, admins.yaml and files of users with password hashes are taken out whole.
Commit what it has changed: bundle build packs what is there, and encrypts nothing.

Only what is in plain, or is to be read by others than before, is encrypted anew. That needs an
identity that opens what is sealed already: keep a recovery identity offline, and name its recipient
first. To change a secret, write it in plain again; to add a gateway, add its recipient.

Exit codes: 0, sealed; 3, the directory cannot be read, or a secret in it cannot be replaced; 7, the
identity does not open what is sealed.`

// A sealReport is the answer of bundle seal.
type sealReport struct {
	Taken      []string            `json:"taken"`   // names of secrets and paths of files, never values
	Dropped    []string            `json:"dropped"` // nobody needs them any more
	Written    []string            `json:"written"`
	Removed    []string            `json:"removed"`
	Recipients map[string][]string `json:"recipients"`
}

func newBundleSealCommand() *cobra.Command {
	var identity string
	var recipients, forget []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "seal DIR",
		Short:   "Encrypt the secrets in a directory that bundles are made of",
		Long:    bundleSealLong,
		Example: example("gatehouse bundle seal fleet --recipient recovery=age1… --identity recovery.txt"),
		Args:    oneArg("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := readIdentity(identity, cmd.InOrStdin())
			if err != nil {
				return err
			}
			opt := bundle.SealOptions{Identity: id, Forget: forget}
			if opt.Recipients, err = parseRecipients(recipients); err != nil {
				return err
			}
			r, err := seal(args[0], opt)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), r)
			}
			r.print(cmd)
			return nil
		},
	}
	addIdentityFlag(cmd, &identity)
	cmd.Flags().StringArrayVar(&recipients, "recipient", nil,
		"`NAME=age1…`: add a recipient to secrets/NAME.recipients (repeat)")
	cmd.Flags().StringArrayVar(&forget, "forget", nil, "`PATH` of a sealed file that is to go (repeat)")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func parseRecipients(words []string) (map[string][]string, error) {
	out := map[string][]string{}
	for _, word := range words {
		name, recipient, ok := strings.Cut(word, "=")
		if !ok || name == "" || !strings.HasPrefix(recipient, "age1") {
			return nil, usagef("--recipient %q: write NAME=age1…", word)
		}
		out[name] = append(out[name], recipient)
	}
	return out, nil
}

// seal seals a directory, in an order in which a crash loses no secret.
func seal(dir string, opt bundle.SealOptions) (*sealReport, error) {
	root, err := openSourceDir(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close() // only a handle to the directory
	s, err := bundle.Seal(root.FS(), opt)
	if e := bundle.AsError(err); e != nil && e.Code == bundle.NoRecipient && opt.Identity == nil {
		return nil, usagef("--identity is missing: %w", err)
	}
	if err != nil {
		return nil, bundleError(err)
	}
	r := &sealReport{Taken: list(s.Taken), Dropped: list(s.Dropped), Written: []string{},
		Removed: list(s.Remove), Recipients: s.Recipients}
	for _, set := range []map[string][]byte{s.Secrets, s.Edits} {
		for _, name := range slices.Sorted(maps.Keys(set)) {
			if err := replaceBelow(root, name, set[name]); err != nil {
				return nil, unreadable(err)
			}
			r.Written = append(r.Written, name)
		}
	}
	for _, name := range s.Remove {
		if err := root.Remove(name); err != nil && !os.IsNotExist(err) {
			return nil, unreadable(err)
		}
	}
	return r, nil
}

// list is names, never null in JSON.
func list(names []string) []string { return append([]string{}, names...) }

func (r *sealReport) print(cmd *cobra.Command) {
	for _, part := range []struct {
		word  string
		names []string
	}{{"sealed", r.Taken}, {"dropped", r.Dropped}, {"wrote", r.Written}, {"removed", r.Removed}} {
		for _, name := range part.names {
			cmd.Printf("%-8s %s\n", part.word, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Recipients)) {
		cmd.Printf("%-8s %s: %s\n", "opens", name, count(len(r.Recipients[name]), "recipient"))
	}
	if len(r.Written)+len(r.Removed) == 0 {
		cmd.Println("nothing to do")
	}
}
