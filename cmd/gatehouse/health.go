package main

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

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
			var report health.Report
			err := process{stateDir}.ask(cmd.Context(), http.MethodGet, "/readyz", nil, nil, &report)
			if err != nil {
				return err
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
