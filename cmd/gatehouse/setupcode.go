package main

import (
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
)

const setupCodeLong = `Show the code that makes the first account in the web pages of a new gateway, and the fingerprint of
the certificate that a browser must show there. The code is gone once the account has been made, once
admins.yaml in force names somebody, and until the next start after ten wrong ones.

Exit codes: 0; 1, no code counts now; 3, it cannot be read; 5, not allowed.`

func newSetupCodeCommand() *cobra.Command {
	var stateDir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "setup-code",
		Short:   "Show the code that makes the first account in the web pages",
		Long:    setupCodeLong,
		Example: example("gatehouse setup-code"),
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			code, err := os.ReadFile(filepath.Join(stateDir, appliance.SetupCodeFile))
			if errors.Is(err, fs.ErrNotExist) {
				return exitf(exitNo, "no set-up code counts: there is an account, or the gateway has not run yet")
			}
			if err != nil {
				return unreadable(err)
			}
			fingerprint, err := webFingerprint(stateDir)
			if err != nil {
				return unreadable(err)
			}
			answer := struct {
				Code        string `json:"code"`
				Fingerprint string `json:"fingerprint"` // SHA-256
			}{strings.TrimSpace(string(code)), fingerprint}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), answer)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "code         %s\nfingerprint  %s\n", answer.Code, answer.Fingerprint)
			return err
		},
	}
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// webFingerprint is that of the certificate of the pages.
func webFingerprint(stateDir string) (string, error) {
	name := filepath.Join(stateDir, "tls", "certificate.pem")
	data, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return "", fmt.Errorf("%s: no certificate", name)
	}
	return appliance.Fingerprint(sha256.Sum256(block.Bytes)), nil
}
