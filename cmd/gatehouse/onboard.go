package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
)

const onboardLong = `Make the files with which a person's device connects with a certificate: a .mobileconfig for
iPhone, iPad and Mac; a WLAN profile and a PowerShell script for Windows; a card for Android; an
ONC file for Chromebooks; blocks for wpa_supplicant and NetworkManager; and for all of them the CA
of the RADIUS server, a page of instructions and a configuration for eapol_test.

The running appliance says what the devices are to trust; where none runs, or with --config, the
configuration directory does. If neither holds the root CA of the RADIUS server's certificate,
name its file with --ca. The key of a CA is never needed.

The person's certificate comes from --certificate and --key, both PEM, or from --p12. Without one
the files hold no key, and the device asks. A key is sealed into a .p12 here, with a random password
that is printed and stands in no file: tell it to the person by another way. The gateway gets
sealed keys only and keeps nothing.

Files with a key have mode 0600. Nothing is overwritten without --force.

Exit codes: 0, made; 1, a file is there already; 2, usage; 3, something cannot be read.`

// onboardFlags are the flags of onboard.
type onboardFlags struct {
	order                           appliance.OnboardOrder
	configDir, stateDir, ca         string
	certificate, key, p12, password string
	compat, out                     string
	force, asJSON                   bool
}

// An onboarded is what onboard tells.
type onboarded struct {
	Dir         string        `json:"dir"`
	ServerNames []string      `json:"server_names"`
	RootSHA256  []string      `json:"root_sha256"`
	Password    string        `json:"password,omitempty"` // if it was made here
	Files       []onboardFile `json:"files"`
}

type onboardFile struct {
	Name   string `json:"name"`
	Secret bool   `json:"secret"`
}

func newOnboardCommand() *cobra.Command {
	f := &onboardFlags{}
	cmd := &cobra.Command{
		Use:     "onboard --ssid SSID --out DIR",
		Short:   "Make the profiles with which a person's device connects",
		Long:    onboardLong,
		Example: example("gatehouse onboard --ssid Acme --for ios,windows --certificate alice.pem --key alice-key.pem --out alice"),
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringVar(&f.order.SSID, "ssid", "", "`NAME` of the wireless network")
	fl.StringSliceVar(&f.order.For, "for", nil, "`DEVICES`: ios (and macOS), windows, android, chromeos, linux or all (default: all)")
	fl.StringVarP(&f.out, "out", "o", "", "`DIR` to write into")
	fl.StringVar(&f.order.Identity, "identity", "", "user name or e-mail address, `ID`, that devices give as EAP identity")
	fl.StringVar(&f.certificate, "certificate", "", "`FILE` with the person's certificate, PEM, leaf first")
	fl.StringVar(&f.key, "key", "", "`FILE` with its private key, PEM")
	fl.StringVar(&f.p12, "p12", "", "`FILE` with both, sealed already")
	fl.StringVar(&f.password, "password-file", "", "`FILE` with the password of the .p12, - for stdin (default: a random one)")
	fl.StringVar(&f.compat, "compat", "", "how a key is sealed: modern, or legacy for old systems (`WAY`)")
	fl.StringVar(&f.order.Server, "server", "", "`NAME` of the RADIUS server's credential, a folder below server/ (default: all)")
	fl.StringVar(&f.ca, "ca", "", "`FILE` with the root CA of the RADIUS server's certificate, PEM")
	fl.BoolVar(&f.order.Machine, "machine", false, "Windows: for the computer instead of the person")
	fl.BoolVar(&f.force, "force", false, "overwrite files that are there")
	addConfigFlag(cmd, &f.configDir)
	addStateFlag(cmd, &f.stateDir)
	addJSONFlag(cmd, &f.asJSON)
	cmd.MarkFlagsMutuallyExclusive("p12", "certificate")
	cmd.MarkFlagsMutuallyExclusive("p12", "key")
	cmd.MarkFlagsMutuallyExclusive("p12", "compat")
	cmd.MarkFlagsRequiredTogether("certificate", "key")
	return cmd
}

func (f *onboardFlags) run(cmd *cobra.Command) error {
	switch {
	case f.order.SSID == "":
		return usagef("--ssid is missing: the name of the wireless network")
	case f.out == "":
		return usagef("--out is missing: the directory to write into")
	case f.password != "" && f.p12 == "" && f.key == "":
		return usagef("--password-file goes with --p12, or with --certificate and --key")
	case f.p12 != "" && f.password == "":
		return usagef("--p12 needs --password-file: it is looked into before it is handed out")
	}
	password, err := f.identity(cmd.InOrStdin())
	if err != nil {
		return err
	}
	if f.ca != "" {
		ca, err := readInput(f.ca, cmd.InOrStdin())
		if err != nil {
			return err
		}
		f.order.CA = string(ca)
	}
	made, err := f.make(cmd)
	if err != nil {
		return err
	}
	if err := f.write(made); err != nil {
		return err
	}
	answer := onboarded{f.out, made.ServerNames, made.RootSHA256, password, nil}
	for _, file := range made.Files {
		answer.Files = append(answer.Files, onboardFile{file.Name, file.Secret})
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), answer)
	}
	return answer.print(cmd.OutOrStdout())
}

// identity seals the person's key, or looks into the sealed one, and returns the password if it
// was made here.
func (f *onboardFlags) identity(stdin io.Reader) (made string, err error) {
	password := ""
	if f.password != "" {
		text, err := readInput(f.password, stdin)
		if err != nil {
			return "", err
		}
		if password = firstLine(text); password == "" {
			return "", exitf(exitUnreadable, "%s: the password is empty", f.password)
		}
	}
	var sealed appliance.SealedKey
	switch {
	case f.p12 != "":
		data, err := readInput(f.p12, stdin)
		if err != nil {
			return "", err
		}
		if sealed, err = appliance.CheckKey(data, password); err != nil {
			return "", badOrder(f.p12, err)
		}
	case f.key != "":
		certificate, err := readInput(f.certificate, stdin)
		if err != nil {
			return "", err
		}
		key, err := readInput(f.key, stdin)
		if err != nil {
			return "", err
		}
		defer clear(key)
		if sealed, err = appliance.SealKey(certificate, key, password, f.compat); err != nil {
			return "", badOrder(f.certificate, err)
		}
		if password == "" {
			made = sealed.Password
		}
	}
	f.order.PKCS12, f.order.Certificate = sealed.PKCS12, sealed.Certificate
	return made, nil
}

// make asks the running process, or the configuration directory.
func (f *onboardFlags) make(cmd *cobra.Command) (made appliance.Onboarding, err error) {
	if p := (process{f.stateDir}); !cmd.Flags().Changed("config") && p.running() {
		body, err := json.Marshal(f.order)
		if err != nil {
			return made, err
		}
		return made, p.ask(cmd.Context(), http.MethodPost, "/api/v1/onboard", nil, bytes.NewReader(body), &made)
	}
	fsys, err := openConfig(f.configDir)
	if err != nil {
		return made, err
	}
	made, err = appliance.Onboard(fsys, f.order, time.Now())
	switch {
	case errors.Is(err, appliance.ErrNoServer):
		return made, exitWith(exitNo, err)
	case err != nil:
		return made, badOrder(f.configDir, err)
	}
	return made, nil
}

// badOrder says what is wrong with an input, without the word that says the kind of the error.
func badOrder(what string, err error) error {
	return exitf(exitUnreadable, "%s: %s", what, strings.TrimPrefix(err.Error(), appliance.ErrOnboard.Error()+": "))
}

// write puts the files into the directory, those that would be overwritten only with --force.
func (f *onboardFlags) write(made appliance.Onboarding) error {
	var files []newFile
	for _, file := range made.Files {
		if file.Name != filepath.Base(file.Name) {
			return exitf(exitInternal, "the file name %q is none", file.Name)
		}
		if f.force {
			if err := os.Remove(filepath.Join(f.out, file.Name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return unreadable(err)
			}
		}
		one := newFile{file.Name, file.Data, 0o644}
		if file.Secret {
			one.mode = 0o600
		}
		files = append(files, one)
	}
	return writeNew(f.out, files)
}

func (o *onboarded) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "In %s:\n", o.Dir)
	for _, f := range o.Files {
		note := ""
		if f.Secret {
			note = "  (holds the key)"
		}
		fmt.Fprintf(&b, "  %s%s\n", f.Name, note)
	}
	fmt.Fprintf(&b, "Devices accept the server names %s\n", strings.Join(o.ServerNames, ", "))
	for _, sum := range o.RootSHA256 {
		fmt.Fprintf(&b, "signed by the CA with the SHA-256 %s\n", sum)
	}
	if o.Password != "" {
		fmt.Fprintf(&b, "Password of the key: %s\nIt stands in no file: tell it to the person by another way.\n", o.Password)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
