package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
)

const adminPasswordLong = `Set the password of somebody who signs in to the web pages, without the one of before: whoever is at the
device is never locked out. It is asked for twice on a terminal, which does not show it, or is the first line of
standard input or of --password-file, and never an argument. Every browser of the account is signed out.

The running process writes the hash: for the account of the first boot into the state directory, for one of
admins.yaml into that file, whose comments stay. An account of a signed bundle is changed by head office.

Exit codes: 0, done; 1, there is no such account, or the password is too short; 3, it cannot be read or would be
wrong; 4, nobody answers; 7, it is refused as things are, with what helps.`

func newAdminPasswordCommand() *cobra.Command {
	var stateDir, file string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "password NAME",
		Short:   "Set the password of an account, without the one of before",
		Long:    adminPasswordLong,
		Example: example("gatehouse admin password anna"),
		Args:    oneArg("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			password, err := chosenPassword(cmd, file)
			if err != nil {
				return err
			}
			body, err := json.Marshal(appliance.NewPassword{New: password})
			if err != nil {
				return err
			}
			var set appliance.PasswordSet
			path := "/api/v1/accounts/" + url.PathEscape(args[0]) + "/password"
			if err := (process{stateDir}).ask(cmd.Context(), http.MethodPut, path, nil, bytes.NewReader(body), &set); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), set)
			}
			return printPasswordSet(cmd, set)
		},
	}
	cmd.ValidArgsFunction = completeAccounts(&stateDir)
	cmd.Flags().StringVar(&file, "password-file", "", "`FILE` whose first line is the password, - for stdin")
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// chosenPassword reads the password from a file, or asks for it.
func chosenPassword(cmd *cobra.Command, file string) (string, error) {
	if file == "" {
		password, err := readPasswordOnce(cmd.InOrStdin(), cmd.ErrOrStderr())
		return checkPassword(password, err, minWebPassword)
	}
	text, err := readInput(file, cmd.InOrStdin())
	return checkPassword(firstWholeLine(text), err, minWebPassword)
}

func printPasswordSet(cmd *cobra.Command, set appliance.PasswordSet) error {
	state := "counts from now on"
	if !set.InForce {
		state = "is written, and not in force yet: see gatehouse status"
	} else if set.Generation != 0 {
		state = fmt.Sprintf("is live, generation %d", set.Generation)
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "the new password of %s %s; %s\n", set.Account, state, sessionsEnded(set.Ended))
	return err
}
