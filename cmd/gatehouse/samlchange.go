package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
	"gatehouse/appliance/pairstore"
)

const samlChangeLong = `

What it entails is shown and asked about first; --yes answers. The files are written into the configuration
directory, keys readable by the service alone, and a running service notices by itself.

Exit codes: 0, done; 1, it is refused as things are, or there is no such app; 5, the directory may not be
written; 7, a bundle is in force: head office changes pairs there.`

// samlChange are the flags of the commands that change pairs.
type samlChange struct {
	appliance.SAMLChange
	configDir, stateDir string
	yes, asJSON         bool
}

func newSAMLChangeCommand(use, short string, action appliance.SAMLAction, compromised string) *cobra.Command {
	f := &samlChange{}
	cmd := &cobra.Command{
		Use: use, Short: short, Long: short + "." + samlChangeLong,
		Example: example("gatehouse saml " + strings.Replace(use, "APP", "wiki", 1)),
		Args:    oneArg("APP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.Action = action; f.Compromised {
				f.Action = appliance.SAMLCompromised
			}
			return f.run(cmd, args[0])
		},
	}
	if compromised != "" {
		cmd.Flags().BoolVar(&f.Compromised, "compromised", false, compromised)
	}
	f.addFlags(cmd)
	return cmd
}

func (f *samlChange) addFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	addConfigFlag(cmd, &f.configDir)
	addStateFlag(cmd, &f.stateDir)
	addJSONFlag(cmd, &f.asJSON)
}

// run carries the change out. If it has to be confirmed it asks on a terminal, and demands --yes
// elsewhere.
func (f *samlChange) run(cmd *cobra.Command, app string) error {
	f.Confirm = f.yes
	status, err := appliance.ChangeApp(f.configDir, f.stateDir, app, f.SAMLChange, time.Now())
	if errors.Is(err, appliance.ErrUnconfirmed) {
		if !isTerminal(cmd.ErrOrStderr()) {
			return exitf(exitNo, "%w; --yes says so", err)
		}
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "%v\nGo on? [y/N] ", err)
		answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n') // none is no
		if !strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "y") {
			return exitf(exitNo, "nothing was changed")
		}
		f.Confirm = true
		status, err = appliance.ChangeApp(f.configDir, f.stateDir, app, f.SAMLChange, time.Now())
	}
	if err != nil {
		return samlError(err)
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), status)
	}
	if err := printApps(cmd.OutOrStdout(), []appliance.SAMLApp{{Name: app, Label: "now", Ready: true, Pairs: status}}); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(cmd.ErrOrStderr(), "hand over what is new: gatehouse saml metadata %s, or gatehouse saml export %s\n", app, app); err != nil {
		return err
	}
	return nil
}

func samlError(err error) error {
	switch {
	case errors.Is(err, appliance.ErrManaged):
		return exitWith(exitRefused, err)
	case errors.Is(err, fs.ErrPermission):
		return exitf(exitPermission, "%w: run this as root", err)
	case errors.Is(err, pairstore.ErrNoApp):
		return exitWith(exitNo, err)
	}
	return exitWith(exitNo, err)
}

func newSAMLImportCommand() *cobra.Command {
	f := &samlChange{}
	var certificate, key string
	cmd := &cobra.Command{
		Use:   "import APP --cert FILE --key FILE",
		Short: "Take a certificate and key that were made elsewhere, as next",
		Long: "Take a pair that was made elsewhere. It waits as next, and signs after saml promote (for the first one:\n" +
			"saml activate). A half is kept until the other comes, and never signs." + samlChangeLong,
		Example: example("gatehouse saml import wiki --cert certificate.pem --key key.pem"),
		Args:    oneArg("APP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if certificate == "" && key == "" {
				return usagef("--cert and --key are missing: what is to be taken?")
			}
			for _, half := range []struct {
				file string
				to   *string
			}{{certificate, &f.Certificate}, {key, &f.Key}} {
				if half.file == "" {
					continue
				}
				data, err := readInput(half.file, cmd.InOrStdin())
				if err != nil {
					return err
				}
				*half.to = string(data)
			}
			f.Action = appliance.SAMLUpload
			return f.run(cmd, args[0])
		},
	}
	cmd.Flags().StringVar(&certificate, "cert", "", "PEM `FILE` with the certificate")
	cmd.Flags().StringVar(&key, "key", "", "PEM `FILE` with the private key, unencrypted")
	f.addFlags(cmd)
	return cmd
}

func newSAMLLintCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "lint FILE",
		Short: "Say what copying and pasting did to a certificate",
		Long: `Look for what copying, pasting, mailing and saving does to a certificate: header and footer, spaces, line
breaks, smart quotes, BOM, HTML entities, DER, PKCS #12, a key or a chain in its place. Where a
certificate can be made out, a clean copy goes to stdout.

Exit codes: 0, nothing; 1, findings; 3, the file cannot be read.`,
		Example: example("gatehouse saml lint pasted.txt"),
		Args:    oneArg("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readInput(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			lint := appliance.LintSAML(data)
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), lint)
			} else {
				for _, finding := range lint.Findings {
					fmt.Fprintln(cmd.ErrOrStderr(), finding.Error())
				}
				if lint.Copies != nil {
					_, err = io.WriteString(cmd.OutOrStdout(), lint.Copies.PEM)
				}
			}
			if err == nil && len(lint.Findings) > 0 {
				return answerNo()
			}
			return err
		},
	}
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func newSAMLCompareCommand() *cobra.Command {
	var stateDir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "compare APP FILE",
		Short: "Say which of an app's certificates a service provider has",
		Long: `Compare what a service provider has (a certificate as pasted or saved, or its metadata) with the app's
certificates: which one is it, and where does it differ.

Exit codes: 0, it has the one that signs; 1, another one; 3, the file cannot be read; 4, nobody answers.`,
		Example: example("gatehouse saml compare wiki what-the-sp-has.pem"),
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readInput(args[1], cmd.InOrStdin())
			if err != nil {
				return err
			}
			var c appliance.SAMLComparison
			err = process{stateDir}.ask(cmd.Context(), http.MethodPost, "/api/v1/saml/apps/"+args[0]+"/compare", nil,
				bytes.NewReader(data), &c)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), c)
			} else {
				err = printComparison(cmd.OutOrStdout(), &c)
			}
			if err == nil && c.Equals() != "active" {
				return answerNo()
			}
			return err
		},
	}
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func printComparison(w io.Writer, c *appliance.SAMLComparison) error {
	var b bytes.Buffer
	for _, one := range c.Certificates {
		fmt.Fprintln(&b, one.String())
	}
	for _, finding := range c.Findings {
		fmt.Fprintf(&b, "note: %s\n", finding.Error())
	}
	switch c.Equals() {
	case "active":
		b.WriteString("equals active: the service provider has the certificate that signs\n")
	case "next":
		b.WriteString("equals next: the service provider has the new one, and we still sign with active: gatehouse saml promote\n")
	case "previous":
		b.WriteString("equals previous: hand over the metadata again\n")
	default:
		b.WriteString("unknown certificate: the service provider has none of this app's; hand over the metadata\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}
