package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
	"gatehouse/authcore/audit"
)

const ocspListLong = `List the certificates whose standing the running appliance has in memory, the one used last first:
serial number, status, how long the answer counts, when somebody was last accepted by it, when it
is renewed, the CA, the responder, who was accepted by it, and what went wrong the last time of
asking. What is only on the disk comes back with the next sign-in.

Exit codes: 0, also if there is none; 4, nobody answers.`

// ocspListFlags are the flags of ocsp list.
type ocspListFlags struct {
	status, ca, serial, stateDir string
	limit                        int
	asJSON                       bool
}

func newOCSPListCommand() *cobra.Command {
	f := &ocspListFlags{}
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List what is known of certificates",
		Long:    ocspListLong,
		Example: example("gatehouse ocsp list --status revoked"),
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	statuses := []string{"good", "revoked", "unknown", "none"}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringVar(&f.status, "status", "", "only those with `STATUS` good, revoked, unknown or none")
	fl.StringVar(&f.ca, "ca", "", "only those of the CA in ca/`NAME`.pem")
	fl.StringVar(&f.serial, "serial", "", "only those with the `SERIAL` number, in hexadecimal")
	fl.IntVar(&f.limit, "limit", 1000, "at most `N` of them")
	_ = cmd.RegisterFlagCompletionFunc("status", // the flag is there
		cobra.FixedCompletions(statuses, cobra.ShellCompDirectiveNoFileComp))
	addStateFlag(cmd, &f.stateDir)
	addJSONFlag(cmd, &f.asJSON)
	return cmd
}

func (f *ocspListFlags) run(cmd *cobra.Command) error {
	switch f.status {
	case "", "good", "revoked", "unknown", "none":
	default:
		return usagef("--status %q is unknown (known: good, revoked, unknown, none)", audit.Printable(f.status))
	}
	if f.limit < 0 {
		return usagef("--limit %d is below zero", f.limit)
	}
	if f.serial != "" {
		if _, err := appliance.ParseSerial(f.serial); err != nil {
			return usagef("--serial: %w", err)
		}
	}
	query := url.Values{
		"status": {f.status}, "ca": {f.ca}, "serial": {f.serial}, "limit": {strconv.Itoa(f.limit)},
	}
	var list appliance.OCSPList
	err := process{f.stateDir}.ask(cmd.Context(), http.MethodGet, "/api/v1/ocsp", query, nil, &list)
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), list)
	}
	return printOCSPList(cmd.OutOrStdout(), list, time.Now())
}

func printOCSPList(w io.Writer, list appliance.OCSPList, now time.Time) error {
	if list.Matching == 0 {
		_, err := fmt.Fprintln(w, "nothing is known of any such certificate")
		return err
	}
	var b bytes.Buffer
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { _, _ = fmt.Fprintln(table, strings.Join(cells, "\t")) } // to memory
	row("SERIAL", "STATUS", "UNTIL", "SEEN", "REFRESH", "CA", "RESPONDER", "USERS", "FAULT")
	for _, e := range list.Certificates {
		row(e.Serial, ocspStatus(&e), ocspUntil(&e, now), relative(e.Seen, now), relative(e.Refresh, now),
			dash(e.CA), dash(e.Responder), dash(strings.Join(e.Users, ", ")), e.Fault)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if more := list.Matching - len(list.Certificates); more > 0 {
		fmt.Fprintf(&b, "and %d more: --limit %d shows them\n", more, list.Matching)
	}
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// ocspStatus is the status with what a revocation gave as its reason.
func ocspStatus(e *appliance.OCSPEntry) string {
	if e.Why != "" {
		return e.Status + " (" + e.Why + ")"
	}
	return e.Status
}

// ocspUntil is how long an answer counts: a revocation does for ever.
func ocspUntil(e *appliance.OCSPEntry, now time.Time) string {
	if e.Status == "revoked" {
		return "-"
	}
	return relative(e.Until, now)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return audit.Printable(s)
}
