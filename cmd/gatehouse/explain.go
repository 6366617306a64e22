package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"gatehouse/authcore/audit"
)

func newExplainCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain [CODE]",
		Short: "Say what a reason means and what to do next",
		Long: "Say what a reason means and what to do next. Reasons stand in the log, in metrics, in\n" +
			"the web UI and in answers of other commands. Without CODE, all of them are listed.",
		Example: example("gatehouse explain cert_expired"),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return oneArg("CODE")(cmd, args)
		},
		ValidArgs: reasonCodes(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return explainAll(cmd.OutOrStdout(), asJSON)
			}
			return explainOne(cmd.OutOrStdout(), args[0], asJSON)
		},
	}
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func explainAll(w io.Writer, asJSON bool) error {
	all := audit.Explanations()
	if asJSON {
		return printJSON(w, all)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, e := range all {
		if _, err := fmt.Fprintf(tw, "%s\t%s\n", e.Reason, e.Sentence); err != nil {
			return err
		}
	}
	return tw.Flush()
}

func explainOne(w io.Writer, code string, asJSON bool) error {
	code = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(code)), "-", "_")
	e, ok := audit.Explain(audit.Reason(code))
	if !ok {
		return exitf(exitNo, "unknown reason %q; did you mean %s? (gatehouse explain lists all)",
			audit.Printable(code), nearestReason(code))
	}
	if asJSON {
		return printJSON(w, e)
	}
	_, err := fmt.Fprintf(w, "%s\n  %s\n  Next: %s\n", e.Reason, e.Sentence, e.NextStep)
	return err
}

// nearestReason returns the code that comes closest to what was typed: first one that has it
// as its beginning or end ("expired"), then the one that is the fewest edits away, however far
// that is.
func nearestReason(typed string) string {
	codes := reasonCodes()
	for _, c := range codes {
		if typed != "" && (strings.HasPrefix(c, typed) || strings.HasSuffix(c, typed)) {
			return c
		}
	}
	return nearest(typed[:min(len(typed), maxWordLength)], codes, maxWordLength+len(typed))
}

func reasonCodes() []string {
	var codes []string
	for _, e := range audit.Explanations() {
		codes = append(codes, string(e.Reason))
	}
	return codes
}
