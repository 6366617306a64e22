package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"gatehouse/authcore/audit"
)

// printLadder writes one line for each check of a decision: mark, name and detail.
func printLadder(w io.Writer, ladder audit.Ladder) error {
	marks := map[audit.StepState]string{audit.Passed: "✓", audit.Failed: "✗", audit.NotRun: "–"}
	var b bytes.Buffer
	for _, s := range ladder {
		name := strings.ReplaceAll(string(s.Name), "_", " ")
		line := fmt.Sprintf("  %s %-21s  %s", marks[s.State], name, s.Detail)
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}
