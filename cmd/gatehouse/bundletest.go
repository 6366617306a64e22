package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
	"gatehouse/authcore/audit"
	"gatehouse/sync/bundle"
	"gatehouse/sync/load"
)

const bundleTestLong = `Say who would be accepted with the configuration in a bundle, over a sample of certificates: files (PEM,
leaf first, or one certificate in DER) or directories of them. It is the decision of the gateway, without
proof that a device holds the key and without any effect; where the policy asks for OCSP, responders are
asked. The bundle's signature is not looked at (bundle verify does).

Without --identity its secrets are not opened. Nothing that decides here is among them but users in files
with password hashes: these are missing then.

Exit codes: 0, every certificate is accepted by one of the RADIUS servers asked; 1, one is not, or a
gateway would refuse the bundle as a whole; 3, a file cannot be read; 6, a file in the bundle is not
what the manifest says; 7, with --as or --label, it is for other gateways.`

// maxSample bounds the files of a directory that are looked at.
const maxSample = 10_000

type bundleTestFlags struct {
	certs, labels        []string
	server, as, identity string
	asJSON               bool
}

// A sampleReport is the answer of bundle test.
type sampleReport struct {
	Bundle        string       `json:"bundle"` // SERIAL-SHA8
	SecretsOpened bool         `json:"secrets_opened"`
	Accepted      int          `json:"accepted"`
	Rejected      int          `json:"rejected"`
	Certificates  []sampleCert `json:"certificates"`
}

// A sampleCert is one certificate, accepted if one of the servers asked does.
type sampleCert struct {
	File     string               `json:"file"`
	Accepted bool                 `json:"accepted"`
	Tests    []appliance.CertTest `json:"tests"`
}

func newBundleTestCommand() *cobra.Command {
	f := &bundleTestFlags{}
	cmd := &cobra.Command{
		Use:     "test FILE --cert CERT…",
		Short:   "Say who would be accepted after a bundle",
		Long:    bundleTestLong,
		Example: example("gatehouse bundle test emea-000042.tar.gz --cert alice.pem --cert sample/ --as oslo-1"),
		Args:    oneArg("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(f.certs) == 0 {
				return usagef("--cert is missing: about whom?")
			}
			return f.run(cmd, args[0])
		},
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&f.certs, "cert", nil, "certificate, or `DIR`ectory of certificates, - for stdin (required; repeat)")
	fl.StringVar(&f.server, "server", "", "`NAME` of the RADIUS server (default: all)")
	fl.StringVar(&f.as, "as", "", "`ID` of the gateway that it must be for")
	fl.StringArrayVar(&f.labels, "label", nil, "`KEY=VALUE` that the gateway has (repeat)")
	addIdentityFlag(cmd, &f.identity)
	addJSONFlag(cmd, &f.asJSON)
	return cmd
}

func (f *bundleTestFlags) run(cmd *cobra.Command, file string) error {
	b, err := f.open(file, cmd.InOrStdin())
	if err != nil {
		return err
	}
	sample, problems, err := appliance.OpenSample(b.FS(), load.Options{Now: time.Now(), Secrets: b.Secrets(),
		WithoutSecrets: !b.SecretsOpened})
	if problems.HasErrors() || err != nil {
		for _, p := range problems {
			cmd.PrintErrln(p)
		}
		return exitf(exitNo, "%s: a gateway would refuse it as a whole; see gatehouse bundle verify", file)
	}
	if !b.SecretsOpened {
		cmd.PrintErrln("gatehouse: secrets are not opened: users in files with password hashes are missing: --identity has them")
	}
	r := &sampleReport{Bundle: b.Name(), SecretsOpened: b.SecretsOpened, Certificates: []sampleCert{}}
	for _, name := range f.certs {
		if err := f.test(cmd, r, sample, name); err != nil {
			return err
		}
	}
	if len(r.Certificates) == 0 {
		return exitf(exitUnreadable, "there is no certificate in %s", strings.Join(f.certs, ", "))
	}
	if f.asJSON {
		err = printJSON(cmd.OutOrStdout(), r)
	} else {
		err = r.print(cmd.OutOrStdout())
	}
	if err == nil && r.Rejected > 0 {
		return answerNo()
	}
	return err
}

func (f *bundleTestFlags) open(file string, stdin io.Reader) (*bundle.Bundle, error) {
	id, err := readIdentity(f.identity, stdin)
	if err != nil {
		return nil, err
	}
	labels, err := parseLabels("--label", f.labels)
	if err != nil {
		return nil, err
	}
	opt := bundle.VerifyOptions{Identity: id}
	if f.as != "" || len(labels) > 0 {
		opt.As = &bundle.Node{ID: f.as, Labels: labels}
	}
	return openUnverifiedAs(file, opt)
}

// test adds the answers about a certificate, or about all in a directory, to r. What a directory
// holds besides is said, and passed over.
func (f *bundleTestFlags) test(cmd *cobra.Command, r *sampleReport, sample *appliance.Sample, name string) error {
	files, isDir, err := sampleFiles(name)
	if err != nil {
		return err
	}
	for _, file := range files {
		data, err := readInput(file, cmd.InOrStdin())
		var tests []appliance.CertTest
		if err == nil {
			tests, err = sample.Test(data, f.server)
		}
		switch {
		case errors.Is(err, appliance.ErrNoServer):
			return usageError(err)
		case err != nil && isDir:
			cmd.PrintErrf("gatehouse: passed over: %s: %v\n", file, err)
		case err != nil:
			return exitf(exitUnreadable, "%s: %w", file, err)
		default:
			r.add(file, tests)
		}
	}
	return nil
}

// sampleFiles returns the files that name stands for.
func sampleFiles(name string) (files []string, isDir bool, err error) {
	if name == "-" {
		return []string{name}, false, nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, false, unreadable(err)
	}
	if !info.IsDir() {
		return []string{name}, false, nil
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, true, unreadable(err)
	}
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			files = append(files, filepath.Join(name, e.Name()))
		}
	}
	if len(files) > maxSample {
		return nil, true, exitf(exitUnreadable, "%s: has more than %d files", name, maxSample)
	}
	return files, true, nil
}

func (r *sampleReport) add(file string, tests []appliance.CertTest) {
	c := sampleCert{File: file, Tests: tests, Accepted: slices.ContainsFunc(tests, func(t appliance.CertTest) bool {
		return t.Result == audit.Accept
	})}
	if c.Accepted {
		r.Accepted++
	} else {
		r.Rejected++
	}
	r.Certificates = append(r.Certificates, c)
}

func (r *sampleReport) print(w io.Writer) error {
	var b bytes.Buffer
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { _, _ = fmt.Fprintln(table, strings.Join(cells, "\t")) } // to memory
	row("CERTIFICATE", "SERVER", "ANSWER")
	for _, c := range r.Certificates {
		for _, t := range c.Tests {
			row(audit.Printable(c.File), t.Server, sampleVerdict(t))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(&b, "after %s: %s, %d accepted, %d rejected\n", r.Bundle, count(len(r.Certificates), "certificate"),
		r.Accepted, r.Rejected)
	_, err := w.Write(b.Bytes())
	return err
}

// sampleVerdict is certVerdict on one line.
func sampleVerdict(t appliance.CertTest) string {
	if t.Result == audit.Accept {
		return strings.TrimPrefix(certVerdict(t), "would be ")
	}
	return fmt.Sprintf("rejected: %s — %s", t.Reason, t.Sentence)
}
