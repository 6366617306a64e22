package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/sync/bundle"
)

const bundleInspectLong = `Show what a bundle says of itself: for whom it is, since and until when, which files it holds. The
archive must be whole; its signature is not looked at (bundle verify does), and no secret is opened.

Exit codes: 0, shown; 3, the archive is malformed; 6, a file in it is not what the manifest says.`

// An inspectReport is the answer of bundle inspect.
type inspectReport struct {
	Manifest *bundle.Manifest `json:"manifest"`
	SHA256   string           `json:"sha256"`
	NextKeys []string         `json:"next_keys"` // ids of the keys that may sign the next one
	Notes    []bundle.Warning `json:"notes"`
}

func newBundleInspectCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "inspect FILE",
		Short:   "Show what a bundle says of itself, without verifying it",
		Long:    bundleInspectLong,
		Example: example("gatehouse bundle inspect emea-000042.tar.gz"),
		Args:    oneArg("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := openUnverified(args[0], nil)
			if err != nil {
				return err
			}
			r := &inspectReport{Manifest: b.Manifest, SHA256: hex.EncodeToString(b.Archive[:]),
				NextKeys: []string{}}
			for _, k := range b.NextKeys {
				r.NextKeys = append(r.NextKeys, k.ID())
			}
			r.Notes = slices.DeleteFunc(append([]bundle.Warning{}, b.Warnings...), func(n bundle.Warning) bool {
				return n.Code != bundle.WarnUnverified
			})
			if asJSON {
				return printJSON(cmd.OutOrStdout(), r)
			}
			return r.print(cmd.OutOrStdout())
		},
	}
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// openUnverified reads a bundle to look at it.
func openUnverified(file string, id *bundle.Identity) (*bundle.Bundle, error) {
	return openUnverifiedAs(file, bundle.VerifyOptions{Identity: id})
}

// openUnverifiedAs is openUnverified by everything else that opt asks for.
func openUnverifiedAs(file string, opt bundle.VerifyOptions) (*bundle.Bundle, error) {
	archive, size, err := openArchive(file)
	if err != nil {
		return nil, err
	}
	defer archive.Close() // opened for reading: closing loses nothing
	b, err := bundle.OpenUnverified(archive, size, opt)
	if err != nil {
		return nil, bundleError(err)
	}
	return b, nil
}

func (r *inspectReport) print(w io.Writer) error {
	var b bytes.Buffer
	m := r.Manifest
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-11s %s\n", name, value)
		}
	}
	line("bundle", m.BundleID)
	line("serial", fmt.Sprint(m.Serial))
	line("sha256", r.SHA256)
	line("for", whom(m.Selector))
	if !m.Created.IsZero() {
		line("created", dateOf(m.Created))
	}
	if !m.NotBefore.IsZero() {
		line("not before", dateOf(m.NotBefore))
	}
	if !m.Expires.IsZero() {
		line("expires", dateOf(m.Expires))
	}
	line("min version", m.MinVersion)
	if m.Canary {
		line("canary", "a trial")
	}
	line("source", strings.TrimSpace(m.Source.URL+" "+m.Source.Commit))
	line("built by", m.BuiltBy)
	for _, p := range m.Activates {
		line("activates", p.App+" "+p.SHA256)
	}
	line("next keys", strings.Join(r.NextKeys, ", "))
	line("changelog", strings.ReplaceAll(strings.TrimSpace(m.Changelog), "\n", "\n            "))
	for _, f := range m.Files {
		secret := ""
		if f.Secret {
			secret = "  secret"
			if f.Kind != bundle.KindSecrets {
				secret = "  SECRET IN PLAIN"
			}
		}
		fmt.Fprintf(&b, "%9d  %s%s\n", f.Size, f.Path, secret)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", n.Text)
	}
	_, err := w.Write(b.Bytes())
	return err
}
