package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
)

// A statusView is what people are shown of `GET /api/v1/status`; --json prints all of it.
type statusView struct {
	Ready          bool
	Reason, Detail string
	Node, Version  string
	Started        time.Time
	Fingerprint    string `json:"web_fingerprint"`
	Configuration  statusConfiguration
	Bundle         appliance.Bundle
	RADIUS         statusRADIUS
	Store          statusStore
	Journal        struct {
		Red    bool
		Reason string
	}
	Clock struct {
		Sure bool
		Why  string
	}
	Revocation statusStandings
	Expiring   []statusExpiring
	Notices    statusNotices
	Heartbeat  *statusHeartbeat
	Memory     struct{ Heap, Runtime uint64 }
	LastHour   *appliance.LastHour `json:"last_hour"`
}

type statusConfiguration struct {
	Generation uint64
	Read       time.Time
	Users      int
	Servers    []string
	Problems   []struct {
		File, Severity, Text, Remedy string
		Line, Column                 int
	}
}

type statusRADIUS struct {
	Address             string
	Requests            uint64
	Responses, Discards map[string]uint64
	Conversations       int
	Unknown             []statusCount `json:"unknown_sources"`
	WrongSecrets        []statusCount `json:"wrong_secrets"`
}

type statusStore struct {
	Mode, Reason string
	Red          bool
	Since        time.Time
	Rebuilt      int
	RebuiltWhy   string `json:"rebuilt_why"`
	Bytes        int64
	Users        int
}

type statusCount struct {
	Server, Client, Address string
	Count                   uint64
	Last                    time.Time
}

func newStatusCommand() *cobra.Command {
	var stateDir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how the running appliance is doing",
		Long: `Show how the running appliance is doing: what is in force, what was found wrong with the
configuration, what the RADIUS port counted, who asks without being a client, whose shared secret is
wrong, which certificates, responders and lists are in trouble, and what expires within 60 days. RED
is for what refuses people or soon will, or wants somebody to come; YELLOW for what is being bridged
or has time.

Exit codes: 0, it serves RADIUS; 1, it does not; 4, nobody answers.`,
		Example: example("gatehouse status --json"),
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var raw json.RawMessage
			err := process{stateDir}.ask(cmd.Context(), http.MethodGet, "/api/v1/status", nil, nil, &raw)
			if err != nil {
				return err
			}
			var view statusView
			if err := json.Unmarshal(raw, &view); err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), raw)
			} else {
				err = view.print(cmd.OutOrStdout(), time.Now())
			}
			if err == nil && !view.Ready {
				return answerNo()
			}
			return err
		},
	}
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func (v *statusView) print(w io.Writer, now time.Time) error {
	var b bytes.Buffer
	state := "ready"
	if !v.Ready {
		state = "not ready: " + strings.TrimSuffix(v.Reason+", "+v.Detail, ", ")
	}
	fmt.Fprintf(&b, "%s\nnode %s, gatehouse %s, up for %s\n", state, v.Node, v.Version,
		now.Sub(v.Started).Round(time.Second))
	c := v.Configuration
	fmt.Fprintf(&b, "configuration  generation %d, %d users, RADIUS servers: %s\n", c.Generation, c.Users,
		strings.Join(c.Servers, ", "))
	for _, p := range c.Problems {
		fmt.Fprintf(&b, "  %s: %s:%d:%d: %s\n", p.Severity, p.File, max(p.Line, 1), max(p.Column, 1), p.Text)
	}
	printBundle(&b, v.Bundle, now)
	v.RADIUS.print(&b, now)
	printLastHour(&b, v.LastHour)
	v.Store.print(&b, now)
	v.Revocation.print(&b, now)
	printExpiring(&b, v.Expiring, &v.Notices, now)
	printHeartbeat(&b, v.Heartbeat, now)
	if v.Journal.Red {
		fmt.Fprintf(&b, "journal        RED: it cannot be relied on: %s\n", v.Journal.Reason)
	}
	if !v.Clock.Sure {
		fmt.Fprintf(&b, "clock          RED: %s: set it, or see gatehouse clock --help\n", v.Clock.Why)
	}
	if v.Fingerprint != "" {
		fmt.Fprintf(&b, "web            certificate SHA-256 %s\n", v.Fingerprint)
	}
	fmt.Fprintf(&b, "memory         %.1f MiB in use, %.1f MiB from the system\n",
		float64(v.Memory.Heap)/(1<<20), float64(v.Memory.Runtime)/(1<<20))
	_, err := w.Write(b.Bytes())
	return err
}

func (r *statusRADIUS) print(b *bytes.Buffer, now time.Time) {
	address := r.Address
	if address == "" {
		address = "off"
	}
	fmt.Fprintf(b, "radius         %s: %d requests, %d accepted, %d rejected, %d sign-ins under way\n", address,
		r.Requests, r.Responses["Access-Accept"], r.Responses["Access-Reject"], r.Conversations)
	ago := func(t time.Time) string { return now.Sub(t).Round(time.Second).String() + " ago" }
	for _, u := range r.Unknown {
		fmt.Fprintf(b, "  unknown NAS %s: %d packets, the last %s\n", u.Address, u.Count, ago(u.Last))
	}
	for _, s := range r.WrongSecrets {
		fmt.Fprintf(b, "  wrong shared secret? client %s of server %s, %s: %d packets, the last %s\n",
			s.Client, s.Server, s.Address, s.Count, ago(s.Last))
	}
}

// printLastHour says what was decided lately; nothing where nothing was.
func printLastHour(b *bytes.Buffer, h *appliance.LastHour) {
	if h == nil || h.Accepted+h.Rejected == 0 {
		return
	}
	fmt.Fprintf(b, "  in the last hour %s%d accepted, %d rejected, 95 %% within %d ms", map[bool]string{true: "at least "}[h.AtLeast],
		h.Accepted, h.Rejected, h.P95)
	if h.OCSPAsked > 0 {
		fmt.Fprintf(b, "; OCSP from memory %d of %d", h.OCSPCached, h.OCSPAsked)
	}
	b.WriteByte('\n')
}

func (s *statusStore) print(b *bytes.Buffer, now time.Time) {
	if s.Mode == "disk" {
		fmt.Fprintf(b, "store          on disk, %d users, %.1f MiB\n", s.Users, float64(s.Bytes)/(1<<20))
	} else {
		fmt.Fprintf(b, "store          in memory for %s, %d users\n", now.Sub(s.Since).Round(time.Second), s.Users)
	}
	if s.Red {
		fmt.Fprintf(b, "  RED: the disk cannot be used: %s\n", s.Reason)
	}
	if s.Rebuilt > 0 {
		fmt.Fprintf(b, "  rebuilt %d times, last because %s\n", s.Rebuilt, s.RebuiltWhy)
	}
}
