package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
)

const ocspLong = `Is a certificate still good? The appliance asks the OCSP responder that a certificate names, keeps
the answer until its end, and renews it ahead for whoever signs in. These commands show and mend
that: ask a responder now, list what is known, forget it.`

const ocspPurgeLong = `Have the running appliance forget answers about certificates, so that the next sign-in asks the
responder anew: of one serial number (in hexadecimal, in either case, with colons or without), of one
CA, or all. Until a responder has answered again, those sign-ins wait for it, and are refused where it
does not answer: the grace is for answers that are known.

An answer that says revoked stays, because somebody who cuts the gateway off from its responder
must not gain by it. With --revoked it goes as well: for a CA that has taken a revocation back, which
only certificateHold provides for.

Exit codes: 0, done; 1, there is no such CA; 4, nobody answers.`

func newOCSPCommand() *cobra.Command {
	group := newGroup("ocsp", "Ask whether certificates are still good, and what is known of that",
		newOCSPCheckCommand(), newOCSPListCommand(), newOCSPPurgeCommand())
	group.Long = ocspLong
	return group
}

// ocspPurgeFlags are the flags of ocsp purge.
type ocspPurgeFlags struct {
	appliance.OCSPPurge
	stateDir string
	asJSON   bool
}

func newOCSPPurgeCommand() *cobra.Command {
	f := &ocspPurgeFlags{}
	cmd := &cobra.Command{
		Use:   "purge {SERIAL | --ca NAME | --all}",
		Short: "Forget answers, so that the next sign-in asks anew",
		Long:  ocspPurgeLong,
		Example: example("gatehouse ocsp purge 4A:0B:77:12") + "\n" +
			example("gatehouse ocsp purge --ca acme"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.name(args); err != nil {
				return err
			}
			return f.run(cmd)
		},
	}
	cmd.Flags().StringVar(&f.CA, "ca", "", "those of the CA in ca/`NAME`.pem")
	cmd.Flags().BoolVar(&f.All, "all", false, "all of them")
	cmd.Flags().BoolVar(&f.Revoked, "revoked", false, "those that say revoked too")
	addStateFlag(cmd, &f.stateDir)
	addJSONFlag(cmd, &f.asJSON)
	return cmd
}

// name takes the serial number, if any, and wants exactly one thing to be named.
func (f *ocspPurgeFlags) name(args []string) error {
	named := len(args)
	if f.CA != "" {
		named++
	}
	if f.All {
		named++
	}
	if named != 1 {
		return usagef("one SERIAL, --ca NAME or --all is expected: what is to be forgotten?")
	}
	if len(args) == 0 {
		return nil
	}
	serial, err := appliance.ParseSerial(args[0])
	if err != nil {
		return usageError(err)
	}
	f.Serial = serial
	return nil
}

func (f *ocspPurgeFlags) run(cmd *cobra.Command) error {
	body, err := json.Marshal(f.OCSPPurge)
	if err != nil {
		return err
	}
	var done appliance.OCSPPurged
	err = process{f.stateDir}.ask(cmd.Context(), http.MethodPost, "/api/v1/ocsp/purge", nil,
		bytes.NewReader(body), &done)
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), done)
	}
	return printPurged(cmd.OutOrStdout(), f.OCSPPurge, done)
}

func printPurged(w io.Writer, p appliance.OCSPPurge, done appliance.OCSPPurged) error {
	s := count(done.Forgotten, "answer") + " forgotten"
	switch {
	case done.Forgotten > 0:
		s += ": the next sign-in asks anew"
	case done.KeptRevoked == 0:
		s += ": none is known"
		if !p.Revoked {
			s += ", or it says revoked"
		}
	}
	switch {
	case done.KeptRevoked == 1:
		s += "; 1 that says revoked stays, --revoked takes it too"
	case done.KeptRevoked > 1:
		s += fmt.Sprintf("; %d that say revoked stay, --revoked takes them too", done.KeptRevoked)
	}
	_, err := fmt.Fprintln(w, s)
	return err
}

// relative is when t is, seen from now: "5m ago", "in 3h20m"; "-" for the zero time.
func relative(t, now time.Time) string {
	switch d := t.Sub(now); {
	case t.IsZero():
		return "-"
	case d < 0:
		return span(-d) + " ago"
	default:
		return "in " + span(d)
	}
}

// span is a length of time in at most two units.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 100*day:
		return fmt.Sprintf("%dd", d/day)
	case d >= 2*day:
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
