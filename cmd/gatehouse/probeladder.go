package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"gatehouse/authcore/supplicant"
)

// writeLadder prints the peer's ladder, then the broken rules, then the verdict as the last
// line.
func writeLadder(w io.Writer, r *supplicant.Report) error {
	marks := map[supplicant.StepState]string{
		supplicant.StepPassed: "✓", supplicant.StepFailed: "✗", supplicant.StepNotRun: "–",
	}
	var b bytes.Buffer
	for _, s := range r.Steps {
		line := fmt.Sprintf("%s %-18s  %s", marks[s.State], stepLabel(s.Name), s.Detail)
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	for _, v := range r.Violations {
		b.WriteString("✗ rule broken: " + v + "\n")
	}
	b.WriteString(verdictLine(r) + "\n")
	_, err := w.Write(b.Bytes())
	return err
}

func stepLabel(name supplicant.StepName) string {
	labels := map[supplicant.StepName]string{
		supplicant.StepTLS:        "TLS",
		supplicant.StepEAPSuccess: "EAP-Success",
		supplicant.StepRecvKey:    "MS-MPPE-Recv-Key",
		supplicant.StepSendKey:    "MS-MPPE-Send-Key",
		supplicant.StepKeyName:    "EAP-Key-Name",
	}
	if label, ok := labels[name]; ok {
		return label
	}
	return string(name)
}

// verdictLine starts with the RADIUS code, so that scripts need no more than the last line.
func verdictLine(r *supplicant.Report) string {
	var facts []string
	switch r.Result {
	case supplicant.ResultAccept:
		if r.UserName != "" {
			facts = append(facts, "user "+r.UserName)
		}
		if r.VLAN != "" {
			facts = append(facts, "vlan "+r.VLAN)
		}
		if r.TLSVersion != "" {
			facts = append(facts, "TLS "+r.TLSVersion)
		}
	default:
		facts = append(facts, r.Reason)
	}
	rounds := "rounds"
	if r.Rounds == 1 {
		rounds = "round"
	}
	facts = append(facts, fmt.Sprintf("%d %s, %.1f ms", r.Rounds, rounds, r.DurationMS))
	verdict := "no verdict"
	switch r.Result {
	case supplicant.ResultAccept:
		verdict = "Access-Accept"
	case supplicant.ResultReject:
		verdict = "Access-Reject"
	}
	return verdict + " (" + strings.Join(facts, ", ") + ")"
}
