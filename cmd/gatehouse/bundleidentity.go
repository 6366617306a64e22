package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"gatehouse/sync/bundle"
)

func newBundleIdentityCommand() *cobra.Command {
	var stateDir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "identity",
		Short: "Show for whom secrets must be encrypted so that this gateway opens them",
		Long: `Show this gateway's recipient: what bundle seal encrypts secrets for. The identity behind it, the
file identity in the state directory, is made where there is none. With --state elsewhere, the same
makes a recovery identity to be kept offline, or one for a CI job that verifies bundles.`,
		Example: example("gatehouse bundle identity"),
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			id, made, err := bundle.OpenIdentity(stateDir)
			if err != nil {
				return unreadable(err)
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{"recipient": id.Recipient(),
					"identity": filepath.Join(stateDir, bundle.IdentityFile), "made": made})
			}
			if made {
				cmd.PrintErrf("gatehouse: made %s\n", filepath.Join(stateDir, bundle.IdentityFile))
			}
			cmd.Println(id.Recipient())
			return nil
		},
	}
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}
