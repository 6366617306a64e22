package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"gatehouse/authcore/supplicant"
)

// writeLoad prints the report of a load for people: counts, a table of latencies, what
// resumption saved, why and which rules, and everything that matters in the last line.
func writeLoad(w io.Writer, r *supplicant.LoadReport) error {
	var b bytes.Buffer
	writeOutcomes(&b, r)
	if err := writeKinds(&b, r); err != nil {
		return err
	}
	for _, t := range r.Reasons {
		fmt.Fprintf(&b, "✗ %d ×: %s\n", t.Count, t.Text)
	}
	for _, t := range r.Rules {
		fmt.Fprintf(&b, "✗ %d ×: rule broken: %s\n", t.Count, t.Text)
	}
	b.WriteString(loadLine(r) + "\n")
	_, err := w.Write(b.Bytes())
	return err
}

func writeOutcomes(b *bytes.Buffer, r *supplicant.LoadReport) {
	fmt.Fprintf(b, "%d authentications, %d at a time, in %.3f s: %.1f/s, %d retransmissions\n",
		r.Finished, r.Parallel, r.DurationMS/1000, r.Rate, r.Retransmissions)
	if r.Asked > 0 {
		fmt.Fprintf(b, "%g/s were asked for\n", r.Asked)
	}
	if r.Missed > 0 {
		fmt.Fprintf(b, "✗ %d did not begin at their time: %d were under way\n", r.Missed, r.Parallel)
	}
	for _, o := range []struct {
		label string
		n     int
	}{
		{"rejected", r.Rejected}, {"aborted by us: the server broke the protocol", r.Aborted},
		{"timed out", r.Timeouts}, {"could not reach the server, or not with our secret", r.Unreachable},
		{"accepted with a key missing or wrong", r.KeysWrong},
	} {
		if o.n > 0 {
			fmt.Fprintf(b, "✗ %d %s\n", o.n, o.label)
		}
	}
	if r.Resume && r.Accepted > 0 && r.Resumed.Count == 0 {
		b.WriteString("– no session was resumed\n")
	}
}

// writeKinds compares full with resumed authentications; means of rounds and bytes,
// percentiles of milliseconds.
func writeKinds(b *bytes.Buffer, r *supplicant.LoadReport) error {
	if r.Accepted == 0 {
		return nil
	}
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "accepted\trounds\tbytes\tp50 ms\tp90 ms\tp99 ms\tmax ms\t")
	row := func(label string, k supplicant.LoadKind) {
		if k.Count > 0 {
			fmt.Fprintf(t, "%d %s\t%.1f\t%.0f\t%.1f\t%.1f\t%.1f\t%.1f\t\n", k.Count, label, k.Rounds,
				k.Bytes, k.Latency.P50, k.Latency.P90, k.Latency.P99, k.Latency.Max)
		}
	}
	row("full", r.Full)
	row("resumed", r.Resumed)
	if s := r.Saved; s != nil {
		fmt.Fprintf(t, "saved by resumption\t%.1f\t%.0f\t%.1f\t\t\t\t\n", s.Rounds, s.Bytes, s.P50)
	}
	return t.Flush()
}

// loadLine is the last line, which is enough for scripts.
func loadLine(r *supplicant.LoadReport) string {
	facts := []string{fmt.Sprintf("%d of %d accepted", r.Accepted, r.Finished)}
	if r.Violations > 0 {
		facts = append(facts, fmt.Sprintf("rules broken in %d", r.Violations))
	}
	if r.KeysWrong == 0 && r.Accepted > 0 {
		facts = append(facts, "all keys right")
	}
	if r.Resume {
		facts = append(facts, fmt.Sprintf("%d resumed", r.Resumed.Count))
	}
	facts = append(facts, fmt.Sprintf("%.1f accepted/s", r.AcceptedRate))
	if r.Accepted > 0 {
		facts = append(facts, fmt.Sprintf("p50 %.1f ms, p99 %.1f ms, max %.1f ms", r.Latency.P50,
			r.Latency.P99, r.Latency.Max))
	}
	if r.Interrupted {
		facts = append(facts, "interrupted")
	}
	return strings.Join(facts, ", ")
}
