package main

import (
	"encoding/json"
	"fmt"
	"gatehouse/appliance"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newUserCommand() *cobra.Command {
	return newGroup("user", "Ask about users", newUserFindCommand())
}

func newUserFindCommand() *cobra.Command {
	var stateDir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "find NAME",
		Short: "Show the user with a user name, e-mail address or alias",
		Long: `Show the user of the running appliance that has NAME as user name, e-mail address or alias, as
a certificate would find it.

Exit codes: 0, found; 1, there is no such user; 4, nobody answers.`,
		Example: example("gatehouse user find alice@acme.example"),
		Args:    oneArg("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var raw json.RawMessage
			err := process{stateDir}.ask(cmd.Context(), http.MethodGet, "/api/v1/users",
				url.Values{"name": {args[0]}}, nil, &raw)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), raw)
			}
			return printUser(cmd, raw)
		},
	}
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func printUser(cmd *cobra.Command, raw json.RawMessage) error {
	var u appliance.User
	if err := json.Unmarshal(raw, &u); err != nil {
		return fmt.Errorf("reading the user: %w", err)
	}
	var b strings.Builder
	for _, line := range [][2]string{
		{"username", u.Username}, {"name", u.Name}, {"email", u.Email},
		{"aliases", strings.Join(u.Aliases, ", ")}, {"groups", strings.Join(u.Groups, ", ")},
		{"state", u.State}, {"vlan", u.VLAN},
	} {
		if line[1] != "" {
			fmt.Fprintf(&b, "%-9s %s\n", line[0], line[1])
		}
	}
	for _, n := range u.Names {
		fmt.Fprintf(&b, "%-9s %s in a certificate: %s\n", "named by", n.Kind, n.Name)
	}
	if u.Last != nil {
		fmt.Fprintf(&b, "%-9s %s: %s, %s\n", "last", u.Last.Time.Local().Format(time.DateTime), u.Last.Result, u.Last.Reason)
	}
	for _, c := range u.Certificates {
		fmt.Fprintf(&b, "%-9s sha256 %s, CA %s\n", "signed in", c.SHA256, c.CA)
	}
	_, err := fmt.Fprint(cmd.OutOrStdout(), b.String())
	return err
}
