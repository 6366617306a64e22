package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
)

const radiusLong = `A RADIUS server is a set of clients, the access points and switches that ask, with one way to
authenticate people. These commands ask the running process, which checks a change as it checks every
other one, writes it into the configuration directory and puts it in force; a file that was written by
hand keeps its comments. While a bundle is in force changes are refused: head office makes them there.

  gatehouse radius add branch-wifi --ca-file acme.pem --client ap1=192.0.2.0/24
  gatehouse radius set branch-wifi --client ap2=192.0.2.7 --new-secret ap1
  gatehouse radius show branch-wifi

Exit codes: 0, done and in force; 1, there is no such server or client; 3, it would be wrong, with why; 4,
nobody answers; 7, it is refused as things are.`

// A radiusCommand is one of the commands about RADIUS servers.
type radiusCommand struct {
	appliance.RADIUSChange
	stateDir                 string
	asJSON                   bool
	caFile, caName, secretIn string
	clients, fresh, gone     []string
}

func newRADIUSCommand() *cobra.Command {
	group := newGroup("radius", "RADIUS servers: clients, CAs, secrets",
		newRADIUSLeaf("add NAME", "Make a RADIUS server", "gatehouse radius add branch-wifi --ca-file acme.pem --client ap1=192.0.2.0/24", (*radiusCommand).add),
		newRADIUSLeaf("list", "List the RADIUS servers", "gatehouse radius list", (*radiusCommand).list),
		newRADIUSLeaf("remove NAME", "Remove a RADIUS server, at once", "gatehouse radius remove branch-wifi", (*radiusCommand).remove),
		newRADIUSLeaf("set NAME", "Change a RADIUS server", "gatehouse radius set branch-wifi --new-secret ap1", (*radiusCommand).set),
		newRADIUSLeaf("show NAME", "Show a RADIUS server, without secrets", "gatehouse radius show branch-wifi", (*radiusCommand).show),
	)
	group.Long = radiusLong
	return group
}

func newRADIUSLeaf(use, short, line string, run func(*radiusCommand, *cobra.Command, string) error) *cobra.Command {
	f := &radiusCommand{}
	cmd := &cobra.Command{Use: use, Short: short, Long: short + ".\n\n" + radiusLong, Example: example(line), Args: oneArg("NAME")}
	if use == "list" {
		cmd.Args = noArgs
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return run(f, cmd, strings.Join(args, "")) }
	name, _, _ := strings.Cut(use, " ")
	if name == "add" || name == "set" {
		f.addFlags(cmd, name == "set")
	}
	addStateFlag(cmd, &f.stateDir)
	addJSONFlag(cmd, &f.asJSON)
	return cmd
}

func (f *radiusCommand) addFlags(cmd *cobra.Command, known bool) {
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringSliceVar(&f.CAs, "ca", nil, "`NAMES` of the CAs that vouch for people, of those that are there")
	fl.StringVar(&f.caFile, "ca-file", "", "`FILE` with the certificates of a CA that comes along")
	fl.StringVar(&f.caName, "ca-name", "", "`NAME` of that CA (default: as the file)")
	fl.StringArrayVar(&f.clients, "client", nil, "`NAME=ADDRESS` or prefix of a client (repeat); its secret is made and printed once")
	fl.StringVar(&f.secretIn, "secret-file", "", "`FILE` with the secret of the one --client instead, - for stdin")
	fl.StringArrayVar(&f.SSID, "ssid", nil, "`SSID` that it is for (repeat; default: any)")
	fl.StringArrayVar(&f.NASIdentifier, "nas-identifier", nil, "`TEXT` that a NAS calls itself which it is for (repeat; default: any)")
	if known {
		fl.StringArrayVar(&f.fresh, "new-secret", nil, "`CLIENT` that gets a new secret, printed once (repeat)")
		fl.StringArrayVar(&f.gone, "remove-client", nil, "`CLIENT` that is to go (repeat)")
		fl.StringSliceVar(&f.RemoveCAs, "remove-ca", nil, "`NAMES` of CAs that no longer vouch for people here; the file of one that nobody else names goes too")
	}
}

func (f *radiusCommand) path(name string) string {
	return "/api/v1/radius/" + url.PathEscape(name)
}

func (f *radiusCommand) list(cmd *cobra.Command, _ string) error {
	var servers []appliance.RADIUSServer
	if err := (process{f.stateDir}).ask(cmd.Context(), http.MethodGet, "/api/v1/radius", nil, nil, &servers); err != nil {
		return err
	}
	return f.print(cmd, servers, servers...)
}

func (f *radiusCommand) show(cmd *cobra.Command, name string) error {
	var server appliance.RADIUSServer
	if err := (process{f.stateDir}).ask(cmd.Context(), http.MethodGet, f.path(name), nil, nil, &server); err != nil {
		return err
	}
	return f.print(cmd, server, server)
}

func (f *radiusCommand) remove(cmd *cobra.Command, name string) error {
	return f.change(cmd, http.MethodDelete, name, nil)
}

func (f *radiusCommand) add(cmd *cobra.Command, name string) error {
	f.Create = true
	return f.set(cmd, name)
}

// set sends what the flags say.
func (f *radiusCommand) set(cmd *cobra.Command, name string) error {
	if f.secretIn != "" && len(f.clients) != 1 {
		return usagef("--secret-file is the secret of one --client, and %d are given", len(f.clients))
	}
	for _, client := range f.clients {
		name, address, ok := strings.Cut(client, "=")
		if !ok || name == "" || address == "" {
			return usagef("--client %q: write NAME=ADDRESS", client)
		}
		c := appliance.RADIUSClientChange{Name: name, Address: address}
		if f.secretIn != "" {
			secret, err := readInput(f.secretIn, cmd.InOrStdin())
			if err != nil {
				return err
			}
			c.Secret = firstLine(secret)
		}
		f.Clients = append(f.Clients, c)
	}
	for _, client := range f.fresh {
		f.Clients = append(f.Clients, appliance.RADIUSClientChange{Name: client, Generate: true})
	}
	for _, client := range f.gone {
		f.Clients = append(f.Clients, appliance.RADIUSClientChange{Name: client, Remove: true})
	}
	if f.caFile != "" {
		text, err := readInput(f.caFile, cmd.InOrStdin())
		if err != nil {
			return err
		}
		if f.caName == "" {
			f.caName = strings.TrimSuffix(filepath.Base(f.caFile), filepath.Ext(f.caFile))
		}
		f.Uploads = []appliance.CAUpload{{Name: f.caName, PEM: string(text)}}
	}
	body, err := json.Marshal(f.RADIUSChange)
	if err != nil {
		return err
	}
	return f.change(cmd, http.MethodPut, name, bytes.NewReader(body))
}

// change asks for a change, and prints what came of it.
func (f *radiusCommand) change(cmd *cobra.Command, method, name string, body io.Reader) error {
	var saved appliance.RADIUSSaved
	if err := (process{f.stateDir}).ask(cmd.Context(), method, f.path(name), nil, body, &saved); err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), saved)
	}
	if err := sayInForce(cmd, saved.Generation); err != nil {
		return err
	}
	var b strings.Builder
	for _, client := range slices.Sorted(maps.Keys(saved.Secrets)) {
		fmt.Fprintf(&b, "secret of %s: %s\n", client, saved.Secrets[client])
	}
	_, err := io.WriteString(cmd.OutOrStdout(), b.String())
	return err
}

// sayInForce says what came of a change of the configuration.
func sayInForce(cmd *cobra.Command, generation uint64) error {
	text := "written, and not in force yet: see gatehouse status\n"
	if generation != 0 {
		text = fmt.Sprintf("live, generation %d\n", generation)
	}
	_, err := io.WriteString(cmd.OutOrStdout(), text)
	return err
}

// print prints servers, or v as JSON.
func (f *radiusCommand) print(cmd *cobra.Command, v any, servers ...appliance.RADIUSServer) error {
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), v)
	}
	var b strings.Builder
	for _, s := range servers {
		alternative := "no alternative"
		if s.AllowPassword {
			alternative = "password as the alternative (not yet available)"
		}
		fmt.Fprintf(&b, "%s  %s  %s, %s  ca %s\n", s.Name, strings.ReplaceAll(s.State, "_", " "), s.Primary, alternative, strings.Join(s.CAs, ", "))
		for _, list := range []struct {
			what   string
			values []string
		}{{"ssid", s.SSID}, {"nas-identifier", s.NASIdentifier}} {
			if len(list.values) > 0 {
				fmt.Fprintf(&b, "  %s %q\n", list.what, list.values)
			}
		}
		for _, c := range s.Clients {
			fmt.Fprintf(&b, "  client %s  %s%s  message_authenticator %s\n", c.Name, c.Address, c.TLS, c.MessageAuthenticator)
		}
		for _, p := range s.Problems {
			fmt.Fprintf(&b, "  %s: %s:%d: %s\n", p.Severity, p.File, p.Line, p.Text)
		}
	}
	_, err := io.WriteString(cmd.OutOrStdout(), b.String())
	return err
}
