package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// maxEventLine bounds one line of the stream, in bytes: a decision with its ladder.
const maxEventLine = 1 << 20

func newTailCommand() *cobra.Command {
	var stateDir string
	var lines int
	var asJSON, follow bool
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Show the last decisions, and follow the new ones",
		Long: `Show the last decisions of the running appliance and follow the new ones until Ctrl-C: one
line each with who, where and why, and for a reject what to do. --json prints one object a line,
with the whole ladder.`,
		Example: example("gatehouse tail -n 20"),
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if lines < 0 {
				return usagef("-n %d: give a number from 0", lines)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			t := tail{process{stateDir}, cmd.OutOrStdout(), asJSON}
			last, err := t.printLast(ctx, lines)
			if err == nil && follow {
				err = t.follow(ctx, last)
			}
			if ctx.Err() != nil {
				return nil // the wanted end
			}
			return err
		},
	}
	cmd.Flags().IntVarP(&lines, "lines", "n", 10, "how many of the last decisions to begin with")
	cmd.Flags().BoolVarP(&follow, "follow", "f", true, "go on with new ones; --follow=false ends")
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// tail prints decisions of a process.
type tail struct {
	process process
	out     io.Writer
	asJSON  bool
}

// printLast prints the newest n decisions and returns the number of the last.
func (t tail) printLast(ctx context.Context, n int) (uint64, error) {
	var entries []json.RawMessage
	query := url.Values{"limit": {"1000"}}
	if err := t.process.ask(ctx, http.MethodGet, "/api/v1/decisions", query, nil, &entries); err != nil {
		return 0, err
	}
	var last struct{ ID uint64 }
	if len(entries) > 0 {
		if err := json.Unmarshal(entries[len(entries)-1], &last); err != nil {
			return 0, err
		}
	}
	for _, e := range entries[max(0, len(entries)-n):] {
		if err := t.print(e); err != nil {
			return 0, err
		}
	}
	return last.ID, nil
}

// follow prints every decision after the one numbered last, until ctx or the process ends.
func (t tail) follow(ctx context.Context, last uint64) error {
	query := url.Values{"after": {fmt.Sprint(last)}}
	stream, err := t.process.open(ctx, http.MethodGet, "/api/v1/decisions/stream", query, nil)
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close() }() // it was only read
	scanner := bufio.NewScanner(stream)
	scanner.Buffer(nil, maxEventLine)
	for scanner.Scan() {
		if data, ok := strings.CutPrefix(scanner.Text(), "data: "); ok {
			if err := t.print(json.RawMessage(data)); err != nil {
				return err
			}
		}
	}
	return t.process.errNobody(errors.Join(errors.New("the stream has ended"), scanner.Err()))
}

func (t tail) print(entry json.RawMessage) error {
	if t.asJSON {
		_, err := fmt.Fprintf(t.out, "%s\n", entry)
		return err
	}
	var d struct {
		Time                                time.Time
		Result, Reason, Server, Client, NAS string
		Station, User, Detail, Sentence     string
		OuterIdentity                       string  `json:"outer_identity"`
		NextStep                            string  `json:"next_step"`
		DurationMS                          float64 `json:"duration_ms"`
		Count                               int
	}
	if err := json.Unmarshal(entry, &d); err != nil {
		return fmt.Errorf("reading a decision: %w", err)
	}
	who := d.User
	if who == "" {
		who = strings.TrimSpace("(" + d.OuterIdentity + ")")
	}
	where := strings.Trim(d.Server+"/"+d.Client, "/")
	line := fmt.Sprintf("%s  %-7s %-24s %s", d.Time.Local().Format("15:04:05"), d.Result, d.Reason, who)
	for _, more := range []string{d.Station, where, d.NAS} {
		if more != "" {
			line += "  " + more
		}
	}
	if d.Result == "accept" {
		_, err := fmt.Fprintf(t.out, "%s  %.1f ms\n", line, d.DurationMS)
		return err
	}
	if strings.EqualFold(strings.TrimSuffix(d.Sentence, "."), d.Detail) {
		d.Detail = ""
	}
	for _, more := range []string{d.Sentence, d.Detail, "Next: " + d.NextStep} {
		if more != "" {
			line += "\n          " + more
		}
	}
	_, err := fmt.Fprintln(t.out, line)
	return err
}
