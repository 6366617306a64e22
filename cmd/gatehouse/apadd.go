package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
	"gatehouse/authcore/accesspoint"
	"gatehouse/authcore/audit"
)

const apAddLong = `Make an access point a client of a RADIUS server, with a secret that is made and printed once, and print
what goes into it. ADDRESS is its address or a prefix. The secret is never taken from the command line:
--secret-file brings one along, and it is not printed then.

--for prints the settings for a make. --qr draws the secret, and nothing else, as a QR code: scan it with a
phone, and paste it into the app of the access point.

The address that the access point is to ask is that of this device towards it; --gateway says another.`

// An apAdd is the command that adds an access point.
type apAdd struct {
	server, secretFile, gateway, stateDir string
	makes                                 []string
	qr, asJSON                            bool
	code                                  *accesspoint.QR
	apAdded
}

// An apAdded is what came of adding an access point.
type apAdded struct {
	Generation uint64              `json:"generation"` // 0: not in force yet
	Server     string              `json:"server"`
	Client     string              `json:"client"`
	Address    string              `json:"address"`
	Gateway    string              `json:"gateway"` // what the access point asks
	Port       string              `json:"port"`
	Secret     string              `json:"secret,omitempty"` // that was made, told once
	Settings   []accesspoint.Block `json:"settings"`
}

func newAPAddCommand() *cobra.Command {
	f := &apAdd{}
	cmd := &cobra.Command{
		Use:     "add NAME ADDRESS",
		Short:   "Add an access point, and print what goes into it",
		Long:    apAddLong + "\n\n" + apLong,
		Example: example("gatehouse ap add lift 192.0.2.7 --server branch-wifi --for unifi --qr"),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("write NAME and ADDRESS: two arguments, not %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			f.Client, f.Address = args[0], args[1]
			return f.run(cmd)
		},
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringVar(&f.server, "server", "", "`NAME` of the RADIUS server (default: the only one)")
	fl.StringVar(&f.secretFile, "secret-file", "", "`FILE` with the secret, - for stdin (default: one is made)")
	fl.StringSliceVar(&f.makes, "for", nil, "`MAKES` whose settings to print: "+strings.Join(apMakes(), ", ")+" or all")
	fl.BoolVar(&f.qr, "qr", false, "draw the secret that is made as a QR code")
	fl.StringVar(&f.gateway, "gateway", "", "`ADDRESS` of this gateway, as the access point reaches it")
	_ = cmd.RegisterFlagCompletionFunc("for", // the flag is there
		cobra.FixedCompletions(append(apMakes(), "all"), cobra.ShellCompDirectiveNoFileComp))
	addStateFlag(cmd, &f.stateDir)
	addJSONFlag(cmd, &f.asJSON)
	return cmd
}

// apMakes are the makes whose settings are known.
func apMakes() (names []string) {
	for _, b := range accesspoint.Blocks("", "", "") {
		if !b.Trial {
			names = append(names, b.ID)
		}
	}
	return names
}

func (f *apAdd) run(cmd *cobra.Command) error {
	for _, name := range f.makes {
		if known := append(apMakes(), "all"); !slices.Contains(known, name) {
			return usagef("--for %q is unknown (known: %s)", audit.Printable(name), strings.Join(known, ", "))
		}
	}
	if f.qr && f.secretFile != "" {
		return usagef("--qr draws a secret that is made here, and --secret-file brings one along")
	}
	change := appliance.RADIUSClientChange{Name: f.Client, Create: true, Address: f.Address, Generate: f.secretFile == ""}
	if f.secretFile != "" {
		secret, err := readSecret(f.secretFile, cmd.InOrStdin())
		if err != nil {
			return err
		}
		change.Secret = string(secret)
	}
	if err := f.add(cmd, change); err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), f.apAdded)
	}
	_, err := io.WriteString(cmd.OutOrStdout(), f.text())
	return err
}

// add has the running process add the client, and fills in what came of it. Nothing that can fail
// follows the change, for the secret is told once.
func (f *apAdd) add(cmd *cobra.Command, change appliance.RADIUSClientChange) error {
	p := process{f.stateDir}
	var status struct{ RADIUS struct{ Address string } }
	if err := p.ask(cmd.Context(), http.MethodGet, "/api/v1/status", nil, nil, &status); err != nil {
		return err
	}
	server, err := p.serverFor(cmd.Context(), f.server, "")
	if err != nil {
		return err
	}
	body, err := json.Marshal(change)
	if err != nil {
		return err
	}
	var saved appliance.RADIUSSaved
	path := "/api/v1/radius/" + url.PathEscape(server) + "/clients"
	if err := p.ask(cmd.Context(), http.MethodPost, path, nil, bytes.NewReader(body), &saved); err != nil {
		return err
	}
	f.Server, f.Generation, f.Secret = server, saved.Generation, saved.Secrets[f.Client]
	f.reach(status.RADIUS.Address)
	for _, b := range accesspoint.Blocks(f.Gateway, f.Port, f.Secret) {
		if b.Trial || slices.Contains(f.makes, b.ID) || slices.Contains(f.makes, "all") {
			f.Settings = append(f.Settings, b)
		}
	}
	if f.qr {
		f.code, _ = accesspoint.NewQR(f.Secret) // the secret is printed, too
	}
	return nil
}

// reach finds out what the access point asks: the address that is listened on, or else the one that
// this device has towards it. No packet is sent.
func (f *apAdd) reach(listen string) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		port = "1812"
	}
	f.Gateway, f.Port = f.gateway, port
	if own, err := netip.ParseAddr(host); f.Gateway == "" && err == nil && !own.IsUnspecified() {
		f.Gateway = own.String()
	}
	to, _, _ := strings.Cut(f.Address, "/")
	if f.Gateway == "" {
		f.Gateway = sourceTowards(to)
	}
}

// sourceTowards is the address that packets to an address would come from; the name of this device
// where that cannot be told.
func sourceTowards(to string) string {
	if address, err := netip.ParseAddr(to); err == nil && !address.IsUnspecified() {
		if c, err := net.Dial("udp", net.JoinHostPort(to, "9")); err == nil {
			defer func() { _ = c.Close() }() // nothing was sent
			return hostOf(c.LocalAddr().String())
		}
	}
	if name, err := os.Hostname(); err == nil {
		return name
	}
	return "THIS-GATEWAY"
}

// hostOf is the host of HOST:PORT.
func hostOf(address string) string {
	host, _, _ := net.SplitHostPort(address)
	return host
}

func (f *apAdd) text() string {
	var b strings.Builder
	if f.Generation == 0 {
		b.WriteString("written, and not in force yet: see gatehouse status\n")
	} else {
		fmt.Fprintf(&b, "live, generation %d\n", f.Generation)
	}
	secret := "as in the file"
	if f.Secret != "" {
		secret = f.Secret
	}
	fmt.Fprintf(&b, "%s is a client of %s\n\nRADIUS server: %s\nport: %s, UDP, for authentication\nsecret of %s: %s\n",
		audit.Printable(f.Client), f.Server, f.Gateway, f.Port, audit.Printable(f.Client), secret)
	if f.Secret != "" {
		b.WriteString("The secret is printed this once.\n")
	}
	if f.code != nil {
		fmt.Fprintf(&b, "\n%sThe QR code is the secret, and nothing else.\n", f.code.Terminal())
	}
	for _, s := range f.Settings {
		fmt.Fprintf(&b, "\n# %s. %s\n%s", s.Title, s.Hint, s.Text)
	}
	watch := f.Address
	if strings.Contains(watch, "/") {
		watch = "ADDRESS"
	}
	fmt.Fprintf(&b, "\nNext: gatehouse ap watch %s\n", watch)
	return b.String()
}
