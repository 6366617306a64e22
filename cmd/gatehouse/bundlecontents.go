package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
	"gatehouse/sync/load"
)

const bundleContentsLong = `List the files that the configuration of this gateway consists of: of the bundle in force, or of the VERSION
that is named as bundle history names it, or by its serial. Where loose files count, those that went live
are listed, not what is being edited.

A version is read from the disk and verified again. Of a file in which a secret stands in the clear neither
size nor hash is shown, for a short secret could be found by trying; nor of what came encrypted.

Exit codes: 0, shown; 1, there is no such version; 4, nobody answers; 7, it is damaged on the disk.`

func newBundleContentsCommand() *cobra.Command {
	c := &appliance.BundleContents{}
	return versionCommand(&cobra.Command{
		Use:     "contents [VERSION]",
		Short:   "List the files of the configuration in force, or of one before, with their hashes",
		Long:    bundleContentsLong,
		Example: example("gatehouse bundle contents") + "\n" + example("gatehouse bundle contents 41"),
	}, c, []string{"version"}, func(b *strings.Builder) { printContents(b, c) })
}

// versionCommand completes cmd, which asks about versions: with what the last arguments are called
// in the query, for v, which write then writes for people.
func versionCommand(cmd *cobra.Command, v any, names []string, write func(*strings.Builder)) *cobra.Command {
	var stateDir string
	var asJSON bool
	cmd.Args = cobra.MaximumNArgs(len(names))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		query := url.Values{}
		for i, arg := range args {
			query.Set(names[len(names)-len(args)+i], arg)
		}
		path := "/api/v1/bundle/" + cmd.Name()
		err := process{stateDir}.ask(cmd.Context(), http.MethodGet, path, query, nil, v)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), v)
		}
		var b strings.Builder
		write(&b)
		_, err = io.WriteString(cmd.OutOrStdout(), b.String())
		return err
	}
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func printContents(b *strings.Builder, c *appliance.BundleContents) {
	if v := c.Version; v != nil {
		fmt.Fprintf(b, "%s  %s, signed by %s (%s)\n", v.Name, v.BundleID, v.Signer.Name, v.Signer.ID)
	} else {
		fmt.Fprintln(b, "loose files in force")
	}
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, o := range c.Objects {
		said := o.SHA256
		if o.Secret {
			said = "no hash: it could give a secret away"
		}
		size := "-"
		if o.Size > 0 {
			size = fmt.Sprint(o.Size)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", o.Path, o.Kind, size, said)
		if o.Fingerprint != "" {
			what := "certificate"
			if o.Secret {
				what = "fits certificate"
			}
			fmt.Fprintf(table, "\t%s\t\t%s\n", what, o.Fingerprint)
		}
	}
	_ = table.Flush() // into memory
	if c.Secrets > 0 {
		fmt.Fprintf(b, "secrets that came encrypted: %d\n", c.Secrets)
	}
}

const bundleChangesLong = `Say what the bundle in force changes against the one before it on this gateway: in CAs, clients, apps and
policy, in files, and in the number of users. TO is another version that is kept, FROM what to compare it with;
both as bundle history names them, or by their serial. That a secret has changed is said, and never the secret.
bundle diff compares bundles where they are made, and names users.

Exit codes: 0, shown; 1, there is no such version; 4, nobody answers; 7, it is damaged on the disk.`

func newBundleChangesCommand() *cobra.Command {
	c := &appliance.BundleChanges{}
	return versionCommand(&cobra.Command{
		Use:     "changes [[FROM] TO]",
		Short:   "Say what the bundle in force changes against the one before it",
		Long:    bundleChangesLong,
		Example: example("gatehouse bundle changes") + "\n" + example("gatehouse bundle changes 41 42"),
	}, c, []string{"from", "to"}, func(b *strings.Builder) { printChanges(b, c) })
}

func printChanges(b *strings.Builder, c *appliance.BundleChanges) {
	fmt.Fprintf(b, "from %s to %s\n", c.From.Name, c.To.Name)
	if c.NotCompared != "" {
		fmt.Fprintf(b, "only files were compared: %s\n", c.NotCompared)
	}
	more := func(n int) {
		if n > 0 {
			fmt.Fprintf(b, "and %d more\n", n)
		}
	}
	writeChanges(b, c.Changes)
	more(c.MoreChanges)
	writeChanges(b, c.Access)
	more(c.AccessChanged - len(c.Access))
	if u := c.Users; u.Any() {
		fmt.Fprintf(b, "users: %d added, %d removed, %d changed, %d of these in a secret\n", u.Added, u.Removed, u.Changed, u.Secrets)
	}
	for _, o := range c.Objects {
		fmt.Fprintf(b, "file %s %s  (%s)\n", o.Op, o.Path, o.Kind)
	}
	more(c.MoreObjects)
	if !c.Any() {
		fmt.Fprintln(b, "nothing is different")
	}
}

// writeChanges writes changes as bundle diff does.
func writeChanges(b *strings.Builder, changes []appliance.BundleChange) {
	for _, c := range changes {
		fmt.Fprintln(b, load.Change{Op: load.Op(c.Op), Kind: c.Kind, Name: c.Name, Of: c.Of, Text: c.Text})
	}
}
