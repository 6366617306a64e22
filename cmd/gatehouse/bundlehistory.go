package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
)

func newBundleHistoryCommand() *cobra.Command {
	var stateDir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Show which bundle is in force, which were, and what was refused",
		Long: `Show which bundle is in force on this gateway, by whose signature and since when, the versions before it
that are kept to go back to, whose signatures count, and what was refused last and why.

Exit codes: 0, a bundle is in force; 1, none is; 4, nobody answers.`,
		Example: example("gatehouse bundle history"),
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var b appliance.Bundle
			err := process{stateDir}.ask(cmd.Context(), http.MethodGet, "/api/v1/bundle", nil, nil, &b)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), b)
			} else {
				err = printHistory(cmd.OutOrStdout(), b, time.Now())
			}
			if err == nil && b.InForce == nil {
				return answerNo()
			}
			return err
		},
	}
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func printHistory(w io.Writer, b appliance.Bundle, now time.Time) error {
	var out bytes.Buffer
	if b.InForce == nil {
		fmt.Fprintln(&out, whatCounts(b))
	}
	for _, v := range b.Kept {
		mark := " "
		if v.InForce {
			mark = "*"
		}
		fmt.Fprintf(&out, "%s %s  %s, %s, signed by %s (%s), %s, in force %s\n", mark, v.Name, v.BundleID,
			arrived(v.Arrived), v.Signer.Name, v.Signer.ID, versionState(v), relative(v.Since, now))
		for _, line := range []string{v.Changelog, sourceOf(v)} {
			if line != "" {
				fmt.Fprintf(&out, "    %s\n", strings.ReplaceAll(strings.TrimSpace(line), "\n", "\n    "))
			}
		}
		if v.Failed != "" {
			fmt.Fprintf(&out, "    taken back: %s\n", v.Failed)
		}
	}
	for _, k := range b.Keys {
		fmt.Fprintf(&out, "trusted  %s (%s)%s\n", k.Name, k.ID, highest(b, k.ID))
	}
	printRefusal(&out, "refused  ", b.Refused, now)
	_, err := w.Write(out.Bytes())
	return err
}

// whatCounts says what is in force where no bundle is.
func whatCounts(b appliance.Bundle) string {
	if b.RequireSigned {
		return "no bundle is in force, and fleet.require_signed is set: RADIUS is not served"
	}
	return "no bundle is in force: loose files count"
}

func arrived(how string) string {
	switch how {
	case "push":
		return "pushed"
	case "pull":
		return "fetched"
	}
	return "from incoming/"
}

func versionState(v appliance.BundleVersion) string {
	switch {
	case v.Expired:
		return "expired " + v.Expires.UTC().Format(time.DateOnly)
	case v.InForce && !v.Confirmed:
		return "on trial"
	case v.Failed != "":
		return "taken back"
	}
	return "passed its trial"
}

func sourceOf(v appliance.BundleVersion) string {
	return strings.TrimSpace(v.SourceURL + " " + v.SourceCommit)
}

func highest(b appliance.Bundle, keyID string) string {
	for _, s := range b.Serials {
		if s.KeyID == keyID {
			return fmt.Sprintf(", highest serial %d", s.Serial)
		}
	}
	return ""
}

// printRefusal says in at most two lines what was refused last.
func printRefusal(out *bytes.Buffer, head string, r *appliance.BundleRefusal, now time.Time) {
	if r == nil {
		return
	}
	what := nonEmpty(r.File, "a bundle")
	if r.BundleID != "" {
		what = fmt.Sprintf("%s %d", r.BundleID, r.Serial)
	}
	fmt.Fprintf(out, "%s%s %s: %s: %s\n", head, what, relative(r.At, now), r.Code, r.Text)
	if n := len(r.Problems); n > 0 {
		p := r.Problems[0]
		more := ""
		if n > 1 {
			more = fmt.Sprintf(" (and %d more)", n-1)
		}
		fmt.Fprintf(out, "%s%s:%d:%d: %s%s\n", strings.Repeat(" ", len(head)), p.File, max(p.Line, 1),
			max(p.Column, 1), p.Text, more)
	}
}
