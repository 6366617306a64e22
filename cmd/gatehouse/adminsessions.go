package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
	"gatehouse/authcore/audit"
)

const adminSessionsLong = `Show who is signed in to the web pages of the running gateway, who was there last first. A session ends
12 hours after its sign-in, and after 30 minutes without a request.

Exit codes: 0; 4, nobody answers; 7, there are no pages.`

func newAdminSessionsCommand() *cobra.Command {
	var stateDir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "sessions",
		Short:   "Show who is signed in to the web pages",
		Long:    adminSessionsLong,
		Example: example("gatehouse admin sessions"),
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list []appliance.Session
			if err := (process{stateDir}).ask(cmd.Context(), http.MethodGet, "/api/v1/sessions", nil, nil, &list); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), list)
			}
			return printSessions(cmd, list, time.Now())
		},
	}
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func printSessions(cmd *cobra.Command, list []appliance.Session, now time.Time) error {
	var b strings.Builder
	for _, s := range list {
		fmt.Fprintf(&b, "%s  %s  from %s  since %s  last seen %s ago\n  %s\n", s.ID, audit.Printable(s.Account), s.Source,
			s.Started.Local().Format(time.DateTime), max(now.Sub(s.Seen), 0).Round(time.Second), audit.Printable(s.Agent))
	}
	if len(list) == 0 {
		b.WriteString("nobody is signed in\n")
	}
	_, err := fmt.Fprint(cmd.OutOrStdout(), b.String())
	return err
}

const adminEndSessionLong = `Sign somebody out of the web pages: the session with that ID, as gatehouse admin sessions lists it; those
of one account, with --of; or everybody, with --all. Whoever has the password signs in again: to keep somebody
out set another one, with gatehouse admin password.

Exit codes: 0, done; 1, there is no such session; 4, nobody answers; 7, there are no pages.`

func newAdminEndSessionCommand() *cobra.Command {
	var stateDir, account string
	var all, asJSON bool
	cmd := &cobra.Command{
		Use:     "end-session [ID]",
		Short:   "Sign somebody out of the web pages",
		Long:    adminEndSessionLong,
		Example: example("gatehouse admin end-session --of anna"),
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, query, err := whichSessions(strings.Join(args, ""), account, all)
			if err != nil {
				return err
			}
			var ended appliance.SessionsEnded
			if err := (process{stateDir}).ask(cmd.Context(), http.MethodDelete, path, query, nil, &ended); err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), ended)
			} else {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), sessionsEnded(ended.Ended))
			}
			if err == nil && ended.Ended == 0 && !all {
				return answerNo()
			}
			return err
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var list []appliance.Session
			_ = process{stateDir}.ask(cmd.Context(), http.MethodGet, "/api/v1/sessions", nil, nil, &list) // without an answer there is nothing to offer
			var ids []string
			for _, s := range list {
				ids = append(ids, s.ID+"\t"+audit.Printable(s.Account)+" from "+s.Source)
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().StringVar(&account, "of", "", "`ACCOUNT` whose sessions end")
	cmd.Flags().BoolVar(&all, "all", false, "end every session")
	_ = cmd.RegisterFlagCompletionFunc("of", completeAccounts(&stateDir)) // the flag is there
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// whichSessions says what to ask for; exactly one of the three is meant.
func whichSessions(id, account string, all bool) (path string, query url.Values, err error) {
	path = "/api/v1/sessions"
	switch {
	case id != "" && account == "" && !all:
		return path + "/" + url.PathEscape(id), nil, nil
	case id == "" && account != "" && !all:
		return path, url.Values{"account": {account}}, nil
	case id == "" && account == "" && all:
		return path, nil, nil
	}
	return "", nil, usagef("say which: an ID as gatehouse admin sessions lists it, --of ACCOUNT, or --all")
}

// sessionsEnded says how many there were.
func sessionsEnded(n int) string {
	switch n {
	case 0:
		return "no session ended"
	case 1:
		return "1 session ended"
	}
	return fmt.Sprintf("%d sessions ended", n)
}

// completeAccounts offers who may sign in to the running gateway. Without an answer there is
// nothing to offer.
func completeAccounts(stateDir *string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		var list []appliance.Account
		if len(args) == 0 {
			_ = process{*stateDir}.ask(cmd.Context(), http.MethodGet, "/api/v1/accounts", nil, nil, &list)
		}
		var names []string
		for _, a := range list {
			names = append(names, audit.Printable(a.Username)+"\t"+a.Role+", "+a.Source)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
