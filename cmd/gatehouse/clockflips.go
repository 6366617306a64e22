package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
)

const clockFlipsLong = `Show which certificates and lists of the running gateway would be something else, valid or expired
or not yet valid, if its clock were off, and how many of the OCSP answers that it keeps would be.
Write by how much like 90m, 3h, 2d, 1w or 1y; with a minus the clock is behind.

Certificates of people are not kept here, and so are not looked at: gatehouse cert test tells of one.

Exit codes: 0, nothing would be different; 1, something would; 4, nobody answers.`

const clockAskLong = `Ask a time server, by default pool.ntp.org, by how much this gateway's wall clock is off. Its answer is
not signed, and changes nothing: it is shown to compare.

Exit codes: 0, it answered; 4, it did not, or nobody answers here.`

func newClockFlipsCommand() *cobra.Command {
	var stateDir, by string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "flips --off-by TIME",
		Short:   "Show what would be different if the clock were off",
		Long:    clockFlipsLong,
		Example: example("gatehouse clock flips --off-by -1d"),
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if by == "" {
				return usagef("--off-by is missing: by how much is the clock off? Write 90m, -3h, 2d, 1w or 1y")
			}
			var f appliance.Flips
			if err := (process{stateDir}).ask(cmd.Context(), http.MethodGet, "/api/v1/clock/flips", url.Values{"off_by": {by}}, nil, &f); err != nil {
				return err
			}
			print := func() error { return printFlips(cmd.OutOrStdout(), f) }
			if asJSON {
				print = func() error { return printJSON(cmd.OutOrStdout(), f) }
			}
			if err := print(); err != nil {
				return err
			}
			if len(f.Flips)+f.Answers.TooOld+f.Answers.NotYet > 0 {
				return answerNo()
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&by, "off-by", "", "`TIME` that the clock is ahead, or with a minus behind: 90m, -3h, 2d, 1w, 1y")
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func printFlips(w io.Writer, f appliance.Flips) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "the clock would say %s\n", f.At.UTC().Format(time.DateTime))
	for _, flip := range f.Flips {
		fmt.Fprintf(&b, "%s %s: %s now, would be %s", flip.Kind, flip.Name, stateWord(flip.Now), stateWord(flip.Then))
		if !flip.NotBefore.IsZero() {
			fmt.Fprintf(&b, ", from %s", flip.NotBefore.UTC().Format(time.DateTime))
		}
		if !flip.NotAfter.IsZero() {
			fmt.Fprintf(&b, ", until %s", flip.NotAfter.UTC().Format(time.DateTime))
		}
		b.WriteByte('\n')
	}
	if len(f.Flips) == 0 {
		fmt.Fprintf(&b, "none of %d certificates and lists would be anything else\n", f.Looked)
	}
	fmt.Fprintf(&b, "of %d OCSP answers that count now, %d would be too old and %d of the future\n",
		f.Answers.Count, f.Answers.TooOld, f.Answers.NotYet)
	_, err := w.Write(b.Bytes())
	return err
}

func stateWord(state string) string {
	if state == appliance.StateNotYetValid {
		return "not yet valid"
	}
	return state
}

func newClockAskCommand() *cobra.Command {
	var stateDir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "ask [SERVER]",
		Short:   "Ask a time server by how much the clock is off",
		Long:    clockAskLong,
		Example: example("gatehouse clock ask 192.0.2.1"),
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var q appliance.TimeQuestion
			if len(args) > 0 {
				q.Server = args[0]
			}
			body, err := json.Marshal(q)
			if err != nil {
				return err
			}
			var got appliance.TimeAnswer
			if err := (process{stateDir}).ask(cmd.Context(), http.MethodPost, "/api/v1/clock/ask", nil, bytes.NewReader(body), &got); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), got)
			}
			return printTimeAnswer(cmd.OutOrStdout(), got)
		},
	}
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func printTimeAnswer(w io.Writer, a appliance.TimeAnswer) error {
	where := "behind"
	if a.Offset < 0 {
		where = "ahead"
	}
	_, err := fmt.Fprintf(w, "the wall clock is %s by %v, says %s (round trip %v, stratum %d, not signed)\n",
		where, a.Offset.Abs().Round(time.Millisecond), a.Address, a.RoundTrip.Round(time.Microsecond), a.Stratum)
	return err
}
