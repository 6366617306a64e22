package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/authcore/pki/lab"
)

const pkiIssueLong = `Issue a certificate from the lab CA in DIR (see gatehouse pki ca). Kinds of user
certificates, by where the name stands:
  email-san     e-mail address in the subject alternative name; no common name
  email-dn      emailAddress in the subject, beside an empty common name
  username-cn   username as common name
  upn           Microsoft's user principal name
  machine       DNS name of a machine
and server, a credential for the RADIUS server itself.
Writes FILE.pem (leaf first, then intermediates), FILE-key.pem and ca.pem, and records the serial
number in issued.txt of DIR. With --ocsp or --crl, gatehouse pki ocsp can answer for it.`

// pkiIssueFlags are the flags of pki issue. Those below the line make odd certificates.
type pkiIssueFlags struct {
	kind, name, key, out, file string
	days                       int
	asJSON                     bool

	expired, notYetValid, wrongPurpose            bool
	cn, org                                       string
	emptyCN, noSubject                            bool
	sans, ocsp, crl                               []string
	unknownCritical, noUsage, eapOverLAN          bool
	noDigitalSignature, noKeyIDs, sha1, isCA      bool
	damaged, negativeSerial, pilot, criticalNames bool
}

func newPKIIssueCommand() *cobra.Command {
	f := &pkiIssueFlags{}
	cmd := &cobra.Command{
		Use:     "issue DIR --kind KIND --name NAME",
		Short:   "Issue a user certificate or server credential",
		Long:    pkiIssueLong,
		Example: example("gatehouse pki issue lab --kind email-san --name alice@acme.example --out alice"),
		Args:    oneArg("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := f.issue(args[0])
			if err != nil {
				return err
			}
			return m.print(cmd.OutOrStdout(), f.asJSON)
		},
	}
	f.register(cmd)
	f.registerQuirks(cmd)
	addJSONFlag(cmd, &f.asJSON)
	return cmd
}

func (f *pkiIssueFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringVar(&f.kind, "kind", "", "`KIND`: "+strings.Join(issueKindNames(), ", "))
	fl.StringVar(&f.name, "name", "", "`NAME`: e-mail address, username, UPN or DNS name, by kind")
	fl.StringVarP(&f.out, "out", "o", "", "`DIR` to write into (default: the CA's)")
	fl.StringVar(&f.file, "file", "", "beginning of the `FILE` names (default: the name)")
	fl.StringVar(&f.key, "key", "ecdsa", "`KIND` of key: "+keyKindList())
	fl.IntVar(&f.days, "days", 0, "`DAYS` that it is valid (default 365, server 825)")
	fl.StringVar(&f.org, "org", "", "organization, O=`TEXT` (default \"Gatehouse lab\")")
	fl.StringVar(&f.cn, "cn", "", "common name, CN=`TEXT` (default: as the kind has it)")
	fl.StringArrayVar(&f.sans, "san", nil,
		"further alternative `NAME`: email:…, dns:…, upn:… or ip:… (repeat)")
	fl.StringArrayVar(&f.ocsp, "ocsp", nil, "`URL` of an OCSP responder to name (repeat)")
	fl.StringArrayVar(&f.crl, "crl", nil, "`URL` of a CRL to name (repeat)")
	fl.BoolVar(&f.pilot, "pilot", false,
		"name the OCSP responder of the usual pilot scripts, "+lab.PilotOCSP)
}

// registerQuirks adds the flags for odd certificates.
func (f *pkiIssueFlags) registerQuirks(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.BoolVar(&f.expired, "expired", false, "odd: expired yesterday")
	fl.BoolVar(&f.notYetValid, "not-yet-valid", false, "odd: valid from tomorrow on")
	fl.BoolVar(&f.wrongPurpose, "wrong-purpose", false, "odd: extended key usage codeSigning only")
	fl.BoolVar(&f.eapOverLAN, "eap-over-lan", false, "odd: extended key usage eapOverLAN only")
	fl.BoolVar(&f.noUsage, "no-usage", false, "odd: no extended key usage")
	fl.BoolVar(&f.noDigitalSignature, "no-digital-signature", false,
		"odd: key usage keyEncipherment only")
	fl.BoolVar(&f.emptyCN, "empty-cn", false, "odd: an empty common name")
	fl.BoolVar(&f.noSubject, "no-subject", false, "odd: an empty subject")
	fl.BoolVar(&f.criticalNames, "critical-names", false, "odd: critical alternative names")
	fl.BoolVar(&f.unknownCritical, "unknown-critical", false, "odd: a critical extension nobody knows")
	fl.BoolVar(&f.noKeyIDs, "no-key-ids", false, "odd: no key identifiers")
	fl.BoolVar(&f.isCA, "ca-true", false, "odd: CA:TRUE")
	fl.BoolVar(&f.sha1, "sha1", false, "odd: signed with SHA-1")
	fl.BoolVar(&f.damaged, "damaged", false, "odd: a signature that is wrong")
	fl.BoolVar(&f.negativeSerial, "negative-serial", false, "odd: a negative serial number")
	cmd.MarkFlagsMutuallyExclusive("expired", "not-yet-valid")
	cmd.MarkFlagsMutuallyExclusive("wrong-purpose", "eap-over-lan", "no-usage")
	cmd.MarkFlagsMutuallyExclusive("cn", "empty-cn", "no-subject")
}

// issue issues the certificate and writes it.
func (f *pkiIssueFlags) issue(dir string) (*made, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	ca, err := loadLabCA(dir)
	if err != nil {
		return nil, err
	}
	leaf, err := f.leaf(ca)
	if err != nil {
		return nil, err
	}
	out := f.out
	if out == "" {
		out = dir
	}
	base := f.base()
	files := []newFile{
		publicFile(base+".pem", string(leaf.CertificatePEM())),
		secretFile(base+"-key.pem", leaf.KeyPEM()),
	}
	m := &made{
		Certificate: filepath.Join(out, base+".pem"), Key: filepath.Join(out, base+"-key.pem"),
		CA: filepath.Join(out, caFile),
	}
	m.describe(leaf.Raw, leaf.Certificate)
	if filepath.Clean(out) != filepath.Clean(dir) {
		trust, err := trustFile(out, ca)
		if err != nil {
			return nil, err
		}
		files = append(files, trust...)
	}
	if err := recordIssued(dir, leaf.Serial, f.name); err != nil {
		return nil, err // rather recorded and not there than there and unknown
	}
	return m, writeNew(out, files)
}

// trustFile is the CA's certificates to be put beside those issued, unless they are there.
func trustFile(out string, ca *lab.CA) ([]newFile, error) {
	path, want := filepath.Join(out, caFile), ca.CertificatePEM()
	there, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []newFile{publicFile(caFile, string(want))}, nil
	case err != nil:
		return nil, unreadable(err)
	case !bytes.Equal(there, want):
		return nil, exitf(exitNo, "%s is of another CA: name another directory with --out", path)
	}
	return nil, nil
}

// check refuses what the flags alone can get wrong.
func (f *pkiIssueFlags) check() error {
	switch {
	case f.kind == "":
		return usagef("--kind is missing: %s", strings.Join(issueKindNames(), ", "))
	case f.name == "":
		return usagef("--name is missing")
	case f.addressMissing():
		return usagef("--kind %s takes a --name with an @, not %q", f.kind, f.name)
	case f.days < 0:
		return usagef("--days %d is below zero", f.days)
	case f.file != "" && f.file != f.base():
		return usagef("--file %q is not a plain file name", f.file)
	case f.kind == kindServer && f.userOnly():
		return usagef("a flag for odd user certificates does not go with --kind server")
	}
	return nil
}

// addressMissing reports whether the name is to be an address, and is none.
func (f *pkiIssueFlags) addressMissing() bool {
	kind, err := parseIssueKind(f.kind)
	if err != nil || kind != lab.EmailSAN && kind != lab.EmailDN && kind != lab.UserUPN {
		return false
	}
	local, domain, _ := strings.Cut(f.name, "@")
	return local == "" || domain == ""
}

// userOnly reports whether a flag is set that server credentials do not have.
func (f *pkiIssueFlags) userOnly() bool {
	return f.org != "" || f.emptyCN || f.noSubject || f.criticalNames || f.isCA ||
		f.unknownCritical || f.noDigitalSignature
}

// base is the beginning of the file names: the name, with what file systems and shells trip
// over replaced.
func (f *pkiIssueFlags) base() string {
	s := f.file
	if s == "" {
		s = f.name
	}
	s = strings.Map(func(r rune) rune {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if plain || strings.ContainsRune("@._-+", r) {
			return r
		}
		return '_'
	}, s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "-") {
		s = "_" + s[1:]
	}
	return s
}
