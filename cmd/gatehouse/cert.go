package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
	"gatehouse/authcore/audit"
)

const certTestLong = `Test whether a certificate would open the network, and as whom: the decision with every check
shown, without proof that the device holds the key and without any effect. The running appliance
is asked; where none runs, or with --config, the configuration directory is read instead. FILE is
PEM (leaf first, then intermediates), one certificate in DER, or a .p12 (.pfx) with its password in
--password-file; - is stdin. A private key in it is not looked at and stays here. Without --server
every RADIUS server is asked.

Exit codes: 0, accepted (by one of those asked); 1, rejected; 3, the certificate or the
configuration cannot be read.`

func newCertCommand() *cobra.Command {
	return newGroup("cert", "Ask about certificates", newCertTestCommand())
}

func newCertTestCommand() *cobra.Command {
	var configDir, stateDir, server, passwordFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "test FILE",
		Short:   "Say whether a certificate would be accepted, as whom, and if not, why",
		Long:    certTestLong,
		Example: example("gatehouse cert test alice.pem --server branch-wifi"),
		Args:    oneArg("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readBrought(args[0], passwordFile, cmd.InOrStdin(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			var tests []appliance.CertTest
			running := process{stateDir}
			if !cmd.Flags().Changed("config") && running.running() {
				err = running.ask(cmd.Context(), http.MethodPost, "/api/v1/certificates/test",
					url.Values{"server": {server}}, bytes.NewReader(data), &tests)
			} else {
				tests, err = testOffline(configDir, args[0], data, server)
			}
			if err != nil {
				return err
			}
			return printCertTests(cmd.OutOrStdout(), tests, asJSON)
		},
	}
	cmd.Flags().StringVar(&server, "server", "", "`NAME` of the RADIUS server (default: all)")
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "`FILE` with the password of a .p12, - for stdin")
	addConfigFlag(cmd, &configDir)
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// readBrought reads the certificates of a file. A private key in it is left out.
func readBrought(file, passwordFile string, stdin io.Reader, stderr io.Writer) ([]byte, error) {
	if file == "-" && passwordFile == "-" {
		return nil, usagef("the certificate and the password cannot both come from stdin")
	}
	data, err := readInput(file, stdin)
	if err != nil {
		return nil, err
	}
	if !appliance.IsSealed(data) {
		if data, err = appliance.WithoutKeys(data); err != nil {
			err = exitf(exitUnreadable, "%s: %w", file, err)
		}
		return data, err
	}
	password, err := readOpening(passwordFile, stdin, stderr)
	if err != nil {
		return nil, err
	}
	data, err = appliance.OpenSealed(data, password)
	switch {
	case err != nil && password == "":
		return nil, exitf(exitUnreadable, "%s: %w; its password is given by --password-file", file, err)
	case err != nil:
		return nil, exitf(exitUnreadable, "%s: %w", file, err)
	}
	return data, nil
}

// readOpening reads the password of a .p12, which may be empty: from a file, or from a person.
func readOpening(file string, stdin io.Reader, stderr io.Writer) (string, error) {
	if file != "" {
		text, err := readInput(file, stdin)
		return firstWholeLine(text), err
	}
	if terminal, ok := stdin.(*os.File); ok && canHide(terminal) {
		password, err := readHidden(terminal, stderr, "Password of the .p12: ")
		if err != nil {
			return "", unreadable(err)
		}
		return password, nil
	}
	return "", nil
}

// testOffline decides by the configuration directory.
func testOffline(configDir, file string, data []byte, server string) ([]appliance.CertTest, error) {
	fsys, err := openConfig(configDir)
	if err != nil {
		return nil, err
	}
	tests, err := appliance.TestCertificate(fsys, data, server, time.Now())
	if err != nil {
		return nil, certTestError(err, file, configDir)
	}
	return tests, nil
}

// certTestError gives err its exit code and says which of the inputs it is about.
func certTestError(err error, file, configDir string) error {
	switch {
	case errors.Is(err, appliance.ErrNoServer):
		return usageError(err)
	case errors.Is(err, appliance.ErrNoConfiguration):
		return exitf(exitUnreadable, "%s: %w", configDir, err)
	}
	return exitf(exitUnreadable, "%s: %w", file, err)
}

// printCertTests prints the answers; the error carries the exit code of a reject.
func printCertTests(w io.Writer, tests []appliance.CertTest, asJSON bool) error {
	if len(tests) == 0 {
		return exitf(exitUnreadable, "the configuration has no RADIUS server to ask")
	}
	var err error
	if asJSON {
		err = printJSON(w, tests)
	} else {
		for i := 0; i < len(tests) && err == nil; i++ {
			err = printCertTest(w, tests[i])
		}
	}
	accepted := func(t appliance.CertTest) bool { return t.Result == audit.Accept }
	if err == nil && !slices.ContainsFunc(tests, accepted) {
		return answerNo()
	}
	return err
}

func printCertTest(w io.Writer, t appliance.CertTest) error {
	if _, err := fmt.Fprintf(w, "RADIUS server %s:\n", t.Server); err != nil {
		return err
	}
	if err := printLadder(w, t.Ladder); err != nil {
		return err
	}
	if t.Standing != "" {
		if _, err := fmt.Fprintf(w, "good standing: %s\n", t.Standing); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w, certVerdict(t))
	return err
}

// certVerdict is the answer in words.
func certVerdict(t appliance.CertTest) string {
	if t.Result == audit.Accept {
		s := "would be accepted as " + t.User
		if t.VLAN != "" {
			s += ", VLAN " + t.VLAN
		}
		return s
	}
	lines := []string{fmt.Sprintf("would be rejected: %s — %s", t.Reason, t.Sentence)}
	if t.Detail != "" {
		lines = append(lines, "  Detail: "+t.Detail)
	}
	return strings.Join(append(lines, "  Next: "+t.NextStep), "\n")
}
