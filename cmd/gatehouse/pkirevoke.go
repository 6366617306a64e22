package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/authcore/pki/lab"
)

const pkiRevokeLong = `Revoke a certificate of the lab CA in DIR, given as a file or by its serial number in hex: a line
is added to DIR/revoked.txt, which gatehouse pki ocsp reads before each answer. To take it back
(a certificateHold, say), take the line out.`

// A revokedAnswer is the answer of pki revoke.
type revokedAnswer struct {
	Serial  string    `json:"serial"` // hex
	Revoked time.Time `json:"revoked_at"`
	Reason  string    `json:"reason"`
	Already bool      `json:"already"` // it had been revoked before, and stays as it was
	File    string    `json:"file"`
}

// pkiRevokeFlags are the flags of pki revoke.
type pkiRevokeFlags struct {
	reason string
	asJSON bool
}

func newPKIRevokeCommand() *cobra.Command {
	f := &pkiRevokeFlags{}
	cmd := &cobra.Command{
		Use:     "revoke DIR CERT|SERIAL",
		Short:   "Revoke a certificate of a lab CA",
		Long:    pkiRevokeLong,
		Example: example("gatehouse pki revoke lab alice/alice.pem --reason keyCompromise"),
		Args:    twoArgs("DIR", "CERT or SERIAL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := f.revoke(cmd, args[0], args[1])
			if err != nil {
				return err
			}
			return a.print(cmd.OutOrStdout(), f.asJSON)
		},
	}
	cmd.Flags().StringVar(&f.reason, "reason", lab.Unspecified.String(),
		"`REASON`: "+strings.Join(lab.ReasonWords(), ", "))
	words := cobra.FixedCompletions(lab.ReasonWords(), cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc("reason", words); err != nil {
		cmd.PrintErrln(err) // without completion the flag still works
	}
	addJSONFlag(cmd, &f.asJSON)
	return cmd
}

// twoArgs wants exactly two arguments, called what in the message.
func twoArgs(what ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(what):
			return usagef("%s is missing", what[len(args)])
		case len(args) > len(what):
			return usagef("%s are expected, not %d arguments: %s",
				strings.Join(what, " and "), len(args), strings.Join(args, " "))
		}
		return nil
	}
}

func (a *revokedAnswer) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(w, a)
	}
	had := "revoked"
	if a.Already {
		had = "had been revoked already"
	}
	_, err := fmt.Fprintf(w, "%s %s (%s), %s\n", a.Serial, had, a.Reason, a.Revoked.Format(time.RFC3339))
	return err
}

// revoke adds the certificate that what stands for to the revoked ones of the CA in dir.
func (f *pkiRevokeFlags) revoke(cmd *cobra.Command, dir, what string) (*revokedAnswer, error) {
	reason, err := parseReason(f.reason)
	if err != nil {
		return nil, unknownValue("--reason", f.reason, lab.ReasonWords())
	}
	serial, err := serialOf(what, dir, cmd.InOrStdin())
	if err != nil {
		return nil, err
	}
	record, err := openRecord(dir)
	if err != nil {
		return nil, err
	}
	if !record.isIssued(serial) {
		cmd.PrintErrf("%s: %s does not list it as issued\n",
			formatSerial(serial), filepath.Join(dir, issuedFile))
	}
	r, already, err := addRevocation(dir, lab.Revocation{
		Serial: serial, Reason: reason, At: time.Now().UTC().Truncate(time.Second),
	})
	if err != nil {
		return nil, unreadable(err)
	}
	return &revokedAnswer{
		Serial: formatSerial(serial), Revoked: r.At, Reason: r.Reason.String(), Already: already,
		File: filepath.Join(dir, revokedFile),
	}, nil
}

// serialOf is the serial number that what is, or that the certificate in the file what has; the
// certificate has to come from a CA in dir.
func serialOf(what, dir string, stdin io.Reader) (*big.Int, error) {
	cas, err := loadIssuers(dir)
	if err != nil {
		return nil, err
	}
	data, err := readInput(what, stdin)
	if errors.Is(err, fs.ErrNotExist) {
		serial, err := parseSerial(what)
		if err != nil {
			return nil, exitf(exitUnreadable, "there is no file %s, and %w", what, err)
		}
		return serial, nil
	} else if err != nil {
		return nil, err
	}
	cert, err := lab.ReadCertificate(data)
	if err != nil {
		return nil, exitf(exitUnreadable, "%s: %w; its serial number would do", what, err)
	}
	if !slices.ContainsFunc(cas, func(ca *lab.CA) bool { return ca.Issued(cert) }) {
		return nil, exitf(exitNo, "%s was issued by %q, not by the CA in %s",
			what, cert.Issuer, dir)
	}
	return cert.SerialNumber, nil
}

// addRevocation adds r to revoked.txt in dir, or returns the one that is there already. Who
// adds another at the same time waits; who reads meanwhile finds the old list or the new one.
func addRevocation(dir string, r lab.Revocation) (_ lab.Revocation, already bool, err error) {
	lock, err := os.Open(dir)
	if err != nil {
		return r, false, err
	}
	defer lock.Close() // which unlocks
	if err := flock(lock); err != nil {
		return r, false, fmt.Errorf("locking %s: %w", dir, err)
	}
	path := filepath.Join(dir, revokedFile)
	data, info, err := readRecord(path)
	if err != nil {
		return r, false, err
	}
	if info == nil {
		return r, false, replaceFile(path, append([]byte(revokedHeader), revokedLine(r)...))
	}
	there, err := parseRevoked(path, data, info.ModTime())
	if err != nil {
		return r, false, err
	}
	same := func(have lab.Revocation) bool { return have.Serial.Cmp(r.Serial) == 0 }
	if i := slices.IndexFunc(there, same); i >= 0 {
		return there[i], true, nil
	}
	if len(data) > 0 && data[len(data)-1] != '\n' {
		data = append(data, '\n')
	}
	return r, false, replaceFile(path, append(data, revokedLine(r)...))
}

// revokedLine is the line of revoked.txt about r.
func revokedLine(r lab.Revocation) string {
	return fmt.Sprintf("%s %s %s\n", formatSerial(r.Serial), r.At.Format(time.RFC3339), r.Reason)
}

// flock takes the lock of an open file, and waits for it.
func flock(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			return err
		}
	}
}

// replaceFile puts data in the place of a file that everybody may read, all at once.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // which is gone by then, if all went well
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
