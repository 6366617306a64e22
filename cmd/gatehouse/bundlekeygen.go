package main

import (
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/sync/bundle"
)

// passwordVariable may hold the password of a signing key.
const passwordVariable = "GATEHOUSE_KEY_PASSWORD"

const bundleKeygenLong = `Make a key pair that signs bundles: FILE, which is secret, and FILE.pub (fleet.pub for fleet.key),
which goes to every gateway as fleet.trusted_keys in gatehouse.yaml. Both are minisign's files.

The secret key is encrypted under a password, from --password-file or the environment variable
` + passwordVariable + `; or it is not, if --no-password says so. Opening an encrypted key takes
1 GiB of memory and some seconds, as with minisign.

Exit codes: 0, made; 1, there is such a file already.`

// A keyPair is the answer of bundle keygen.
type keyPair struct {
	Secret string `json:"secret_key"`
	Public string `json:"public_key"`
	ID     string `json:"id"`
}

func newBundleKeygenCommand() *cobra.Command {
	var out, passwordFile string
	var noPassword, asJSON bool
	cmd := &cobra.Command{
		Use:     "keygen",
		Short:   "Make a key pair that signs bundles",
		Long:    bundleKeygenLong,
		Example: example("gatehouse bundle keygen -o fleet.key --password-file password.txt"),
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			password, err := readPassword(passwordFile, cmd.InOrStdin())
			switch {
			case err != nil:
				return err
			case noPassword == (password != ""):
				return usagef("give a password by --password-file or %s, or say --no-password", passwordVariable)
			}
			pair, err := makeKeyPair(out, password)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), pair)
			}
			cmd.Printf("secret key  %s\npublic key  %s  %s\n", pair.Secret, pair.Public, pair.ID)
			return nil
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "fleet.key", "`FILE` for the secret key")
	addPasswordFlag(cmd, &passwordFile)
	cmd.Flags().BoolVar(&noPassword, "no-password", false, "leave the secret key unencrypted")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func addPasswordFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "password-file", "",
		"`FILE` with the secret key's password, - for stdin (or "+passwordVariable+")")
}

// readPassword reads the first line of a file, or the environment. Empty: there is none.
func readPassword(file string, stdin io.Reader) (string, error) {
	if file == "" {
		return os.Getenv(passwordVariable), nil
	}
	text, err := readInput(file, stdin)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", exitf(exitUnreadable, "%s: there is no password on its first line", file)
	}
	return line, nil
}

func makeKeyPair(out, password string) (*keyPair, error) {
	public := strings.TrimSuffix(out, ".key") + ".pub"
	key, err := bundle.GenerateKey()
	if err != nil {
		return nil, err
	}
	text, err := key.Text(password)
	if err != nil {
		return nil, err
	}
	trusted := key.Trusted(public)
	files := []newFile{secretFile(out, text), publicFile(public, string(trusted.Text()))}
	return &keyPair{out, public, trusted.ID()}, writeNew("", files)
}
