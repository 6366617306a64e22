package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
)

const samlLong = `People sign in to web applications with the certificate that opens the Wi-Fi. Each app has a pair: the
certificate that the service provider knows, and the private key that signs. A new pair waits as next
until it is promoted; the one before it stays in the metadata as previous.

  gatehouse saml activate wiki                       makes the first pair
  gatehouse saml metadata wiki                       what the service provider imports
  gatehouse saml status                              what signs now, and what is wrong
  gatehouse saml regenerate wiki                     a new pair, as next
  gatehouse saml promote wiki                        once the service provider has its certificate
  gatehouse saml compare wiki what-the-sp-has.pem    which of ours is that?

Changes are written into the configuration directory; a running service notices by itself. While a bundle
is in force they are refused: head office changes pairs there.`

func newSAMLCommand() *cobra.Command {
	group := newGroup("saml", "Sign-in to web applications: pairs, metadata, diagnosis",
		newSAMLChangeCommand("activate APP", "Make an app's first pair, or activate one that was uploaded", appliance.SAMLActivate, ""),
		newSAMLCompareCommand(),
		newSAMLChangeCommand("discard APP", "Throw away the pair that waits as next", appliance.SAMLDiscard, ""),
		newSAMLExplainCommand(),
		newSAMLExportCommand(),
		newSAMLImportCommand(),
		newSAMLLintCommand(),
		newSAMLMetadataCommand(),
		newSAMLChangeCommand("promote APP", "Have the pair that waits as next sign", appliance.SAMLPromote, ""),
		newSAMLChangeCommand("regenerate APP", "Make a new pair with a new key, as next", appliance.SAMLRegenerate,
			"the key may be known to others: the new pair signs at once, the old key is erased"),
		newSAMLChangeCommand("retire APP", "Erase the key of the pair before", appliance.SAMLRetire, ""),
		newSAMLStatusCommand(),
		newSAMLTestCommand(),
	)
	group.Long = samlLong
	return group
}

func newSAMLStatusCommand() *cobra.Command {
	var configDir, stateDir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status [APP]",
		Short: "Show what signs, and what service providers were given",
		Long: `Show how each app stands: what signs now, what waits, what service providers were given last, and what
follows from that. Without a running process the configuration directory is looked at, which does not
know what was given.

Exit codes: 0, people can sign in to every app; 1, not to all; 3, the directory cannot be read.`,
		Example: example("gatehouse saml status wiki"),
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			apps, err := samlApps(cmd, configDir, stateDir)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if apps = appsNamed(apps, args[0]); len(apps) == 0 {
					return exitf(exitNo, "there is no app %q in force", args[0])
				}
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), apps)
			} else {
				err = printApps(cmd.OutOrStdout(), apps)
			}
			for _, app := range apps {
				if err == nil && !app.Ready {
					return answerNo()
				}
			}
			return err
		},
	}
	addConfigFlag(cmd, &configDir)
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func appsNamed(apps []appliance.SAMLApp, name string) []appliance.SAMLApp {
	for _, app := range apps {
		if app.Name == name {
			return []appliance.SAMLApp{app}
		}
	}
	return nil
}

// samlApps asks the running process or, without one, looks at the directory and says so.
func samlApps(cmd *cobra.Command, configDir, stateDir string) ([]appliance.SAMLApp, error) {
	var apps []appliance.SAMLApp
	if p := (process{stateDir}); p.running() {
		return apps, p.ask(cmd.Context(), http.MethodGet, "/api/v1/saml/apps", nil, nil, &apps)
	}
	fsys, err := openConfig(configDir)
	if err != nil {
		return nil, err
	}
	if apps, err = appliance.LookAtApps(fsys, time.Now()); err != nil {
		return nil, exitWith(exitUnreadable, err)
	}
	_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "gatehouse: nobody runs on %s: this is by the files in %s\n", stateDir, configDir)
	return apps, nil
}

func printApps(w io.Writer, apps []appliance.SAMLApp) error {
	var b bytes.Buffer
	for _, a := range apps {
		state := "people can sign in"
		if !a.Ready {
			state = "nobody can sign in: " + a.Reason
		}
		fmt.Fprintf(&b, "%s (%s): %s\n", a.Name, a.Label, state)
		if a.Pairs.Managed {
			b.WriteString("  managed by head office: a bundle says which pair is active\n")
		}
		fmt.Fprintf(&b, "  certificate  %s: %s\n  key          %s: %s\n", a.Pairs.Certificate.Colour, a.Pairs.Certificate.Text,
			a.Pairs.Key.Colour, a.Pairs.Key.Text)
		for _, p := range a.Pairs.Pairs {
			line := fmt.Sprintf("  %-12s ", p.Role)
			if p.Facts != nil {
				line += fmt.Sprintf("until %s  sha256 %s…  %s…%s", p.Facts.NotAfter.UTC().Format(time.DateOnly),
					p.Facts.SHA256[:16], p.Facts.First, p.Facts.Last)
			} else {
				line += "half a pair, the " + string(p.Missing) + " is missing"
			}
			fmt.Fprintln(&b, line)
		}
		printGiven(&b, a)
	}
	if len(apps) == 0 {
		b.WriteString("no apps: an app is a folder saml/NAME with an app.yaml\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

// printGiven says what service providers were given, and what is wrong with that.
func printGiven(b *bytes.Buffer, a appliance.SAMLApp) {
	if a.MetadataURL != "" {
		fmt.Fprintf(b, "  metadata     %s\n", a.MetadataURL)
	}
	if !a.Exported.IsZero() {
		changed := "unchanged since"
		if a.Changed {
			changed = "CHANGED SINCE: the service provider needs it again"
		}
		fmt.Fprintf(b, "  exported     %s, %s\n", a.Exported.UTC().Format(time.DateTime), changed)
	}
	if a.Warning != "" {
		fmt.Fprintf(b, "  WARNING      %s\n", a.Warning)
	}
}

// newSAMLExportCommand prints certificates, newSAMLMetadataCommand metadata: as files to hand over.
func newSAMLExportCommand() *cobra.Command {
	var stateDir, role, out string
	cmd := &cobra.Command{
		Use:   "export APP",
		Short: "Print certificate.pem for the service provider",
		Long: `Print the certificate of an app's pair, one PEM block: for a service provider that takes certificates
rather than metadata. The running process remembers which one was taken: as long as another one signs,
saml status says so. No key is ever printed.`,
		Example: example("gatehouse saml export wiki --role next -o certificate.pem"),
		Args:    oneArg("APP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "/api/v1/saml/apps/" + args[0] + "/certificate.pem"
			return fetchTo(cmd, stateDir, path, map[string][]string{"role": {role}}, out)
		},
	}
	cmd.Flags().StringVar(&role, "role", "active", "`ROLE` of the pair: active, next or previous")
	cmd.Flags().StringVarP(&out, "out", "o", "", "`FILE` to write (default: stdout)")
	addStateFlag(cmd, &stateDir)
	return cmd
}

func newSAMLMetadataCommand() *cobra.Command {
	var stateDir, out string
	cmd := &cobra.Command{
		Use:   "metadata APP",
		Short: "Print our metadata for the service provider",
		Long: `Print what the service provider of an app imports: where people sign in, and every certificate that signs
now or will after the next promotion. The running process remembers that it was exported, and saml
status says when it has changed since.`,
		Example: example("gatehouse saml metadata wiki -o wiki-metadata.xml"),
		Args:    oneArg("APP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return fetchTo(cmd, stateDir, "/api/v1/saml/apps/"+args[0]+"/metadata.xml", nil, out)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "`FILE` to write (default: stdout)")
	addStateFlag(cmd, &stateDir)
	return cmd
}

// fetchTo writes what the running process answers to a file or stdout.
func fetchTo(cmd *cobra.Command, stateDir, path string, query map[string][]string, out string) error {
	body, err := process{stateDir}.open(cmd.Context(), http.MethodGet, path, query, nil)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // it was only read
	data, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("reading the answer of the running process: %w", err)
	}
	if out == "" {
		_, err = cmd.OutOrStdout().Write(data)
		return err
	}
	if err := os.WriteFile(out, data, 0o644); err != nil {
		return unreadable(err)
	}
	return nil
}

func newSAMLExplainCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "explain [WORDS]",
		Short:   "Say which check explains what a service provider shows",
		Long:    "Service providers say little when a sign-in fails. This lists what they say, and where to look.",
		Example: example(`gatehouse saml explain "signature validation"`),
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			words, found := strings.ToLower(strings.Join(args, " ")), false
			for _, a := range appliance.SAMLAdvice() {
				if strings.Contains(strings.ToLower(a.Words), words) {
					found = true
					fmt.Fprintf(cmd.OutOrStdout(), "%s\n  %s\n", a.Words, a.Check)
				}
			}
			if !found {
				return exitf(exitNo, "nothing is known about %q; gatehouse saml explain lists all", strings.Join(args, " "))
			}
			return nil
		},
	}
}
