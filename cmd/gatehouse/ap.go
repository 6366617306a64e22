package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
	"gatehouse/authcore/audit"
)

const apLong = `Access points, and other clients of a RADIUS server, as they are set up: add makes a client with a secret
and prints what goes into the access point, watch waits until somebody got in by it, list says who was
heard. All of it asks the running process, and needs no restart.

  gatehouse ap add lift 192.0.2.7 --for unifi --qr
  gatehouse ap watch 192.0.2.7

Exit codes: 0, done; 1, there is no such server or client, or watch saw nobody get in; 3, it would be
wrong, with why; 4, nobody answers; 7, it is refused as things are: the name is taken, or head office
makes the changes.`

func newAPCommand() *cobra.Command {
	group := newGroup("ap", "Access points: add one, wait for its first sign-in",
		newAPAddCommand(), newAPListCommand(), newAPRemoveCommand(), newAPWatchCommand())
	group.Long = apLong
	return group
}

func newAPListCommand() *cobra.Command {
	var stateDir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List access points, and what was heard of them",
		Long:    "List the clients of all RADIUS servers with what was heard of them since the start, and addresses that\nask and are no client.\n\n" + apLong,
		Example: example("gatehouse ap list"),
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			seen, err := process{stateDir}.clientsSeen(cmd.Context(), "")
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), seen)
			}
			_, err = io.WriteString(cmd.OutOrStdout(), listClients(seen))
			return err
		},
	}
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// clientsSeen asks for the clients of an address; "": for all.
func (p process) clientsSeen(ctx context.Context, address string) (seen appliance.ClientsSeen, err error) {
	query := url.Values{}
	if address != "" {
		query.Set("address", address)
	}
	err = p.ask(ctx, http.MethodGet, "/api/v1/clients/seen", query, nil, &seen)
	return seen, err
}

func listClients(seen appliance.ClientsSeen) string {
	var b strings.Builder
	for i := range seen.Clients {
		c := &seen.Clients[i]
		fmt.Fprintf(&b, "%s  %s  %s  %s\n", audit.Printable(c.Client), c.Server, orTLS(c.Configured), sayClient(c))
	}
	for _, u := range seen.Unknown {
		fmt.Fprintf(&b, "%v  is no client  %d packets, the last %s\n", u.Address, u.Count, u.Last.Local().Format(time.DateTime))
	}
	if b.Len() == 0 {
		return "no client\n"
	}
	return b.String()
}

func orTLS(address string) string {
	if address == "" {
		return "TLS"
	}
	return address
}

// sayClient is the state of a client, with when it came to be.
func sayClient(c *appliance.ClientSeen) string {
	text, last := c.Summary+". "+c.Sentence, c.Decided
	switch c.State {
	case "wrong_secret":
		last = c.LastWrong
	case "heard":
		last = c.LastPacket
	}
	if last.IsZero() {
		return text
	}
	return last.Local().Format(time.DateTime) + "  " + text
}

func newAPRemoveCommand() *cobra.Command {
	f := &radiusCommand{}
	var server string
	cmd := &cobra.Command{
		Use:     "remove NAME",
		Short:   "Remove an access point, at once",
		Long:    "Remove a client of a RADIUS server. Its packets are not answered from then on.\n\n" + apLong,
		Example: example("gatehouse ap remove lift"),
		Args:    oneArg("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := process{f.stateDir}.serverFor(cmd.Context(), server, args[0])
			if err != nil {
				return err
			}
			f.Clients = []appliance.RADIUSClientChange{{Name: args[0], Remove: true}}
			body, err := json.Marshal(f.RADIUSChange)
			if err != nil {
				return err
			}
			return f.change(cmd, http.MethodPut, server, bytes.NewReader(body))
		},
	}
	cmd.Flags().StringVar(&server, "server", "", "`NAME` of its RADIUS server (default: the one that has it)")
	addStateFlag(cmd, &f.stateDir)
	addJSONFlag(cmd, &f.asJSON)
	return cmd
}

// serverFor is the RADIUS server that is meant: the one named; of those that are there, the only one,
// or the only one with the client.
func (p process) serverFor(ctx context.Context, named, client string) (string, error) {
	if named != "" {
		return named, nil
	}
	var servers []appliance.RADIUSServer
	if err := p.ask(ctx, http.MethodGet, "/api/v1/radius", nil, nil, &servers); err != nil {
		return "", err
	}
	var names []string
	for _, s := range servers {
		has := slices.ContainsFunc(s.Clients, func(c appliance.RADIUSClient) bool { return c.Name == client })
		if client == "" || has {
			names = append(names, s.Name)
		}
	}
	switch {
	case len(names) == 1:
		return names[0], nil
	case len(names) == 0 && client == "":
		return "", exitf(exitNo, "there is no RADIUS server yet: see gatehouse radius add")
	case len(names) == 0:
		return "", exitf(exitNo, "no RADIUS server has a client %q", audit.Printable(client))
	}
	return "", usagef("--server is missing: write which of %s", strings.Join(names, ", "))
}

// addressArg is an address that the command line names.
func addressArg(text string) (netip.Addr, error) {
	address, err := netip.ParseAddr(text)
	if err != nil {
		return address, usagef("%q is no IP address", audit.Printable(text))
	}
	return address.Unmap(), nil
}
