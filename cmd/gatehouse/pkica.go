package main

import (
	"crypto/rand"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/authcore/pki/lab"
)

const pkiCALong = `Make a lab CA in DIR: ca.pem (the CA itself, then those above it) and ca-key.pem.
With --intermediate, a root and a CA below it, which issues; the root's key is root-key.pem.
With --ca-dir, the CA stands below the one in that directory.
What the CA issues is recorded in issued.txt.`

// pkiCAFlags are the flags of pki ca.
type pkiCAFlags struct {
	name, kind, above    string
	intermediate, asJSON bool
	ocsp, crl            []string
}

func newPKICACommand() *cobra.Command {
	f := &pkiCAFlags{}
	cmd := &cobra.Command{
		Use:     "ca DIR",
		Short:   "Make a lab CA",
		Long:    pkiCALong,
		Example: example("gatehouse pki ca lab --name 'Pilot CA'"),
		Args:    oneArg("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := f.make(args[0])
			if err != nil {
				return err
			}
			if !f.asJSON {
				cmd.PrintErrln(labNote)
			}
			return m.print(cmd.OutOrStdout(), f.asJSON)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.name, "name", "", "common `NAME` (default: \"Gatehouse lab CA\" and four letters)")
	fl.StringVar(&f.kind, "kind", "ecdsa", "`KIND` of key: "+keyKindList())
	fl.StringVar(&f.above, "ca-dir", "", "`DIR` of the CA to stand below")
	fl.BoolVar(&f.intermediate, "intermediate", false, "a root and a CA below it")
	fl.StringArrayVar(&f.ocsp, "ocsp", nil,
		"`URL` of an OCSP responder to name in the CA's own certificate (repeat)")
	fl.StringArrayVar(&f.crl, "crl", nil, "`URL` of a CRL to name there (repeat)")
	addJSONFlag(cmd, &f.asJSON)
	cmd.MarkFlagsMutuallyExclusive("ca-dir", "intermediate")
	return cmd
}

// make makes the CA and writes it into dir.
func (f *pkiCAFlags) make(dir string) (*made, error) {
	kind, err := parseKeyKind("--kind", f.kind)
	if err != nil {
		return nil, err
	}
	if f.above == "" && !f.intermediate && len(f.ocsp)+len(f.crl) > 0 {
		return nil, usagef("--ocsp and --crl go with --intermediate or --ca-dir: nobody asks whether a root was revoked")
	}
	options := lab.CAOptions{
		Name: f.name, Options: lab.Options{KeyKind: kind, OCSP: f.ocsp, CRL: f.crl},
	}
	if options.Name == "" {
		options.Name = uniqueName("CA")
	}
	var above *lab.CA
	var files []newFile
	switch {
	case f.above != "":
		above, err = loadLabCA(f.above)
	case f.intermediate:
		above, files, err = newRoot(kind)
	}
	if err != nil {
		return nil, err
	}
	var ca *lab.CA
	switch {
	case above == nil:
		ca, err = lab.NewCA(options)
	case above.Certificate.Subject.CommonName == options.Name:
		err = usagef("--name %q is the name of the CA above", options.Name)
	default:
		ca, err = above.NewIntermediate(options)
	}
	if err != nil {
		return nil, err
	}
	issued := issuedHeader
	if f.intermediate {
		issued += issuedLine(ca.Certificate.SerialNumber, options.Name, time.Now())
	}
	files = append(files, publicFile(caFile, string(ca.CertificatePEM())),
		secretFile(caKeyFile, ca.KeyPEM()), publicFile(issuedFile, issued))
	m := &made{Certificate: filepath.Join(dir, caFile), Key: filepath.Join(dir, caKeyFile)}
	m.describe(ca.Certificate.Raw, ca.Certificate)
	if err := writeNew(dir, files); err != nil || f.above == "" {
		return m, err
	}
	return m, recordIssued(f.above, ca.Certificate.SerialNumber, options.Name)
}

// newRoot makes a root and the file that its key goes into.
func newRoot(kind lab.KeyKind) (*lab.CA, []newFile, error) {
	root, err := lab.NewCA(lab.CAOptions{
		Name: uniqueName("root CA"), Options: lab.Options{KeyKind: kind},
	})
	if err != nil {
		return nil, nil, err
	}
	return root, []newFile{secretFile(rootKeyFile, root.KeyPEM())}, nil
}

// uniqueName is a name that no two CAs share: who mixes up CAs of one name gets puzzling
// answers.
func uniqueName(what string) string {
	return lab.Mark + " " + what + " " + strings.ToLower(rand.Text()[:4])
}
