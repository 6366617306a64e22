package main

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"gatehouse/appliance/control"
	"gatehouse/appliance/health"
)

func newHealthCommand() *cobra.Command {
	var stateDir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask the running appliance whether it serves RADIUS",
		Long: `Ask the running appliance, over its control socket, whether it serves RADIUS.

Exit codes: 0, ready; 1, running but not ready; 4, nobody answers.`,
		Example: example("gatehouse health --state /var/lib/gatehouse"),
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := askHealth(stateDir)
			if err != nil {
				return exitf(exitUnreachable, "asking the running process (is it running, with --state %s?): %w", stateDir, err)
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), report)
			} else {
				err = printHealth(cmd, report)
			}
			if err == nil && !report.Ready {
				return answerNo()
			}
			return err
		},
	}
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func askHealth(stateDir string) (health.Report, error) {
	var report health.Report
	response, err := control.Client(stateDir).Get("http://gatehouse/readyz")
	if err != nil {
		return report, err
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusServiceUnavailable {
		return report, fmt.Errorf("unexpected answer %s", response.Status)
	}
	err = json.NewDecoder(response.Body).Decode(&report)
	return report, err
}

func printHealth(cmd *cobra.Command, r health.Report) error {
	state := "ready"
	if !r.Ready {
		state = "not ready: " + r.Reason
		if r.Detail != "" {
			state += ", " + r.Detail
		}
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\nconfiguration: generation %d, %d errors, %d warnings\n",
		state, r.Generation, r.Errors, r.Warnings)
	return err
}
