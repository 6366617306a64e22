package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
	"gatehouse/authcore/audit"
)

const caLong = `A CA vouches for people: its certificates stand in one file, of which the self-signed ones are believed as
they are. These commands ask the running process, which checks a change as it checks every other one,
writes it into the configuration directory and puts it in force. While a bundle is in force changes are
refused: head office makes them there.

  gatehouse ca show acme
  gatehouse ca add acme acme.pem
  gatehouse ca add acme acme-renewed.pem --replace

Exit codes: 0, done and in force; 1, there is no such CA; 3, it would be wrong, with why; 4, nobody answers;
7, it is refused as things are.`

// A caCommand is one of the commands about CAs.
type caCommand struct {
	stateDir string
	asJSON   bool
	replace  bool
}

func newCACommand() *cobra.Command {
	group := newGroup("ca", "CAs that vouch for people, as trees",
		newCALeaf("add NAME FILE", "Add a CA", "gatehouse ca add acme acme.pem", (*caCommand).add),
		newCALeaf("list", "List the CAs", "gatehouse ca list", (*caCommand).list),
		newCALeaf("remove NAME", "Remove a CA that nothing relies on", "gatehouse ca remove acme", (*caCommand).remove),
		newCALeaf("users NAME", "Show who has signed in by a CA lately", "gatehouse ca users acme", (*caCommand).users),
		newCALeaf("show NAME", "Show a CA with all its certificates", "gatehouse ca show acme", (*caCommand).show),
	)
	group.Long = caLong
	return group
}

func newCALeaf(use, short, line string, run func(*caCommand, *cobra.Command, []string) error) *cobra.Command {
	f := &caCommand{}
	name, arguments, _ := strings.Cut(use, " ")
	cmd := &cobra.Command{Use: use, Short: short, Long: short + ".\n\n" + caLong, Example: example(line),
		RunE: func(cmd *cobra.Command, args []string) error { return run(f, cmd, args) }}
	switch arguments {
	case "":
		cmd.Args = noArgs
	case "NAME":
		cmd.Args = oneArg("NAME")
	default:
		cmd.Args = func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("give the NAME of the CA and the FILE with its certificates, - for stdin")
			}
			return nil
		}
	}
	if name == "add" {
		cmd.Flags().BoolVar(&f.replace, "replace", false, "the CA that is there by that name")
	}
	addStateFlag(cmd, &f.stateDir)
	addJSONFlag(cmd, &f.asJSON)
	return cmd
}

func (f *caCommand) ask(cmd *cobra.Command, method, name string, body io.Reader, v any) error {
	path := "/api/v1/ca"
	if name != "" {
		path += "/" + url.PathEscape(name)
	}
	return process{f.stateDir}.ask(cmd.Context(), method, path, nil, body, v)
}

func (f *caCommand) list(cmd *cobra.Command, _ []string) error {
	var list []appliance.CA
	if err := f.ask(cmd, http.MethodGet, "", nil, &list); err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), list)
	}
	var b strings.Builder
	for _, ca := range list {
		writeCA(&b, ca)
	}
	_, err := io.WriteString(cmd.OutOrStdout(), b.String())
	return err
}

func (f *caCommand) show(cmd *cobra.Command, args []string) error {
	var ca appliance.CA
	if err := f.ask(cmd, http.MethodGet, args[0], nil, &ca); err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), ca)
	}
	var b strings.Builder
	writeCA(&b, ca)
	writeBranches(&b, ca.Anchors, "  ")
	for _, c := range ca.Lost {
		fmt.Fprintf(&b, "  nobody is believed through %s: who issued it is not in the file\n", c.Name)
	}
	for _, p := range ca.Issues {
		fmt.Fprintf(&b, "  %s: %s:%d: %s\n", p.Severity, p.File, p.Line, p.Text)
	}
	_, err := io.WriteString(cmd.OutOrStdout(), b.String())
	return err
}

// users prints all of them: whoever asks at a shell filters by themselves.
func (f *caCommand) users(cmd *cobra.Command, args []string) error {
	var people appliance.CAPeople
	path := "/api/v1/ca/" + url.PathEscape(args[0]) + "/users"
	err := process{f.stateDir}.ask(cmd.Context(), http.MethodGet, path, url.Values{"limit": {"1000000"}}, nil, &people)
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), people)
	}
	var b strings.Builder
	for _, p := range people.Users {
		fmt.Fprintf(&b, "%s  %s\n", p.Seen.Local().Format(time.DateTime), audit.Printable(p.User))
	}
	fmt.Fprintf(&b, "%d signed in by it, of the last 1,000 decisions since the start; others may rely on it all the same\n", people.Count)
	_, err = io.WriteString(cmd.OutOrStdout(), b.String())
	return err
}

func writeCA(b *strings.Builder, ca appliance.CA) {
	users := "not used by anything"
	if len(ca.UsedBy) > 0 {
		users = "used by " + strings.Join(ca.UsedBy, ", ")
	}
	fmt.Fprintf(b, "%s  %s  %s\n", ca.Name, strings.ReplaceAll(ca.State, "_", " "), users)
}

func writeBranches(b *strings.Builder, list []appliance.CACertificate, indent string) {
	for _, c := range list {
		fmt.Fprintf(b, "%s%s  %s  %s until %s\n%s  sha256 %s\n", indent, c.Name, c.Key, strings.ReplaceAll(c.State, "_", " "),
			c.NotAfter.Format("2006-01-02"), indent, c.SHA256)
		writeBranches(b, c.Issued, indent+"  ")
	}
}

func (f *caCommand) add(cmd *cobra.Command, args []string) error {
	text, err := readInput(args[1], cmd.InOrStdin())
	if err != nil {
		return err
	}
	if !f.replace {
		var list []appliance.CA
		if err := f.ask(cmd, http.MethodGet, "", nil, &list); err != nil {
			return err
		}
		for _, ca := range list {
			if ca.Name == args[0] {
				return exitf(exitRefused, "there is a CA %q already: --replace takes this file in its place", args[0])
			}
		}
	}
	return f.change(cmd, http.MethodPut, args[0], bytes.NewReader(text))
}

func (f *caCommand) remove(cmd *cobra.Command, args []string) error {
	return f.change(cmd, http.MethodDelete, args[0], nil)
}

// change asks for a change, and prints what came of it.
func (f *caCommand) change(cmd *cobra.Command, method, name string, body io.Reader) error {
	var saved appliance.CASaved
	if err := f.ask(cmd, method, name, body, &saved); err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), saved)
	}
	return sayInForce(cmd, saved.Generation)
}
