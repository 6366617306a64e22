package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

const adminTokenLong = `Make a token with which a program calls the API of a gateway: 256 random bits, shown this once. What goes
into admins.yaml is its hash, which opens nothing.

  read    see how the gateway is doing, and whom it lets in
  bundle  push bundles, and see what became of them
  admin   everything that can be done over the network

Exit codes: 0, done; 1, there is such a file already.`

// tokenScopes are what a token may be for.
var tokenScopes = []string{"read", "bundle", "admin"}

// A newToken is the answer of admin token.
type newToken struct {
	Name   string   `json:"name"`
	Token  string   `json:"token,omitempty"` // empty if it went into a file
	SHA256 string   `json:"sha256"`
	Scopes []string `json:"scopes"`
}

func newAdminTokenCommand() *cobra.Command {
	var scopes []string
	var out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "token NAME",
		Short: "Make a token for the API",
		Long:  adminTokenLong,
		Example: example("gatehouse admin token monitor") + "\n" +
			example("gatehouse admin token ci --scope bundle --out token"),
		Args: oneArg("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := makeToken(args[0], scopes)
			if err != nil {
				return err
			}
			if out != "" {
				if err := writeNew("", []newFile{secretFile(out, []byte(t.Token+"\n"))}); err != nil {
					return err
				}
				t.Token = ""
			} else {
				cmd.PrintErrln("gatehouse: the token is shown this once: keep it where secrets are kept")
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), t)
			}
			return t.print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringSliceVar(&scopes, "scope", []string{"read"}, "`SCOPES` that it has, of "+strings.Join(tokenScopes, ", "))
	_ = cmd.RegisterFlagCompletionFunc("scope", // the flag is there
		cobra.FixedCompletions(tokenScopes, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().StringVarP(&out, "out", "o", "", "`FILE` for the token, which is not shown then")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func makeToken(name string, scopes []string) (*newToken, error) {
	usable := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-_", r)
	}
	if len(name) > 64 || strings.IndexFunc(name, func(r rune) bool { return !usable(r) }) >= 0 || name == "" {
		return nil, usagef("NAME: use up to 64 letters, digits, dots, hyphens and underscores")
	}
	t := &newToken{Name: name, Scopes: []string{}}
	for _, s := range scopes {
		if !slices.Contains(tokenScopes, s) {
			return nil, unknownValue("--scope", s, tokenScopes)
		}
		if !slices.Contains(t.Scopes, s) {
			t.Scopes = append(t.Scopes, s)
		}
	}
	if len(t.Scopes) == 0 {
		return nil, usagef("--scope is empty: a token for nothing is none")
	}
	var secret [32]byte
	rand.Read(secret[:]) // never fails
	t.Token = "ght_" + base64.RawURLEncoding.EncodeToString(secret[:])
	hash := sha256.Sum256([]byte(t.Token))
	t.SHA256 = hex.EncodeToString(hash[:])
	return t, nil
}

func (t *newToken) print(w io.Writer) error {
	head := ""
	if t.Token != "" {
		head = "token  " + t.Token + "\n\n"
	}
	_, err := fmt.Fprintf(w, "%s# in admins.yaml\ntokens:\n  - {name: %q, sha256: %q, scopes: [%s]}\n", head, t.Name,
		t.SHA256, strings.Join(t.Scopes, ", "))
	return err
}
