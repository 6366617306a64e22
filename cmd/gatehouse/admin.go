package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/argon2"
)

func newAdminCommand() *cobra.Command {
	return newGroup("admin", "People and programs that manage this gateway: passwords, sessions, API tokens",
		newAdminEndSessionCommand(),
		newAdminHashCommand(),
		newAdminPasswordCommand(),
		newAdminSessionsCommand(),
		newAdminTokenCommand(),
	)
}

// The cost of a hash: what OWASP asks for of argon2id where memory is short (RFC 9106 §4).
const (
	hashMemory  = 19 << 10 // KiB
	hashPasses  = 2
	hashLanes   = 1
	hashSalt    = 16 // bytes
	hashBytes   = 32
	minPassword = 8 // characters
	// minWebPassword is that of passwords that the running process keeps, by its own rule.
	minWebPassword = 12
	maxPassword    = 1024 // bytes
)

const adminHashLong = `Hash a password with argon2id, for the key password of an account in admins.yaml. The password is asked
for twice on a terminal, which does not show it, or is the first line of standard input.

Exit codes: 0, done; 1, the password is too short; 3, it cannot be read.`

func newAdminHashCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "hash",
		Short:   "Hash the password of an administrator",
		Long:    adminHashLong,
		Example: example("gatehouse admin hash"),
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			password, err := readNewPassword(cmd.InOrStdin(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			hash := hashPassword(password)
			if asJSON {
				return printJSON(cmd.OutOrStdout(), struct {
					Hash string `json:"hash"`
				}{hash})
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), hash)
			return err
		},
	}
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// readNewPassword reads a password that somebody has chosen: twice on a terminal, once otherwise.
func readNewPassword(stdin io.Reader, stderr io.Writer) (string, error) {
	password, err := readPasswordOnce(stdin, stderr)
	return checkPassword(password, err, minPassword)
}

// checkPassword returns a password that was read without err, if it may be chosen.
func checkPassword(password string, err error, least int) (string, error) {
	switch {
	case err != nil:
		return "", err
	case !utf8.ValidString(password) || len(password) > maxPassword:
		return "", exitf(exitUnreadable, "the password has more than %d bytes, or is no UTF-8", maxPassword)
	case utf8.RuneCountInString(password) < least:
		return "", exitf(exitNo, "the password has fewer than %d characters", least)
	}
	return password, nil
}

func readPasswordOnce(stdin io.Reader, stderr io.Writer) (string, error) {
	terminal, ok := stdin.(*os.File)
	if !ok || !canHide(terminal) {
		text, err := readInput("-", stdin)
		return firstWholeLine(text), err
	}
	password, err := readHidden(terminal, stderr, "Password: ")
	if err != nil {
		return "", unreadable(err)
	}
	again, err := readHidden(terminal, stderr, "The same again: ")
	if err != nil {
		return "", unreadable(err)
	}
	if password != again {
		return "", exitf(exitUnreadable, "these were two different passwords")
	}
	return password, nil
}

// hashPassword returns password as a PHC string, under a salt of its own.
func hashPassword(password string) string {
	var salt [hashSalt]byte
	rand.Read(salt[:]) // never fails
	key := argon2.IDKey([]byte(password), salt[:], hashPasses, hashMemory, hashLanes, hashBytes)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemory, hashPasses, hashLanes,
		b64(salt[:]), b64(key))
}
