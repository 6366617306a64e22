package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/sync/bundle"
	"gatehouse/sync/load"
)

const bundleVerifyLong = `Verify a bundle with the code that a gateway runs: signature, manifest, for whom it is, every hash,
the secrets, and then the configuration in it as a whole. It needs no network and no gateway. What
could not be checked is said: without --as, whether it is for a gateway; without --identity, what is in
the secrets; and always, whether the gateway has seen a higher serial.

Exit codes: 0, a gateway would apply it; 1, its configuration has errors; 3, the archive is malformed;
6, signature, key or hash; 7, not for this gateway, or not now.`

// bundleVerifyFlags are the flags of bundle verify.
type bundleVerifyFlags struct {
	as, identity, signature string
	keys, labels            []string
	asJSON                  bool
}

// A verifyReport is the answer of bundle verify.
type verifyReport struct {
	OK       bool             `json:"ok"` // exit code 0
	Refused  *refusedReport   `json:"refused,omitempty"`
	Manifest *bundle.Manifest `json:"manifest,omitempty"`
	SHA256   string           `json:"sha256,omitempty"`
	Signer   string           `json:"signer,omitempty"` // id of the key
	Comment  string           `json:"comment,omitempty"`
	Notes    []bundle.Warning `json:"notes"` // what is doubtful, or was not checked
	Errors   int              `json:"errors"`
	Warnings int              `json:"warnings"`
	Findings load.Problems    `json:"findings"`
}

type refusedReport struct {
	Code string `json:"code"`
	Exit int    `json:"exit"`
	Text string `json:"text"`
}

func newBundleVerifyCommand() *cobra.Command {
	f := &bundleVerifyFlags{}
	cmd := &cobra.Command{
		Use:     "verify FILE",
		Short:   "Say whether a gateway would apply a bundle",
		Long:    bundleVerifyLong,
		Example: example("gatehouse bundle verify emea-000042.tar.gz --key fleet.pub --as oslo-1 --label region=emea"),
		Args:    oneArg("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(f.keys) == 0 {
				return usagef("--key is missing: whose signature is trusted?")
			}
			b, err := f.verify(args[0], cmd.InOrStdin())
			if e := bundle.AsError(err); e != nil && f.asJSON {
				r := &verifyReport{Notes: []bundle.Warning{}, Findings: load.Problems{},
					Refused: &refusedReport{string(e.Code), e.ExitCode(), e.Error()}}
				return errors.Join(printJSON(cmd.OutOrStdout(), r), &exitError{code: e.ExitCode()})
			}
			if err != nil {
				return bundleError(err)
			}
			return reportVerified(cmd.OutOrStdout(), b, f.asJSON)
		},
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&f.keys, "key", nil, "minisign public key `FILE` that is trusted (required; repeat)")
	fl.StringVar(&f.signature, "signature", "", "`FILE` with the signature (default: FILE"+signatureExt+")")
	fl.StringVar(&f.as, "as", "", "`ID` of the gateway to verify it for")
	fl.StringArrayVar(&f.labels, "label", nil, "`KEY=VALUE` that the gateway has (repeat)")
	addIdentityFlag(cmd, &f.identity)
	addJSONFlag(cmd, &f.asJSON)
	return cmd
}

func (f *bundleVerifyFlags) verify(file string, stdin io.Reader) (*bundle.Bundle, error) {
	keys, err := readTrustedKeys(f.keys)
	if err != nil {
		return nil, err
	}
	opt := bundle.VerifyOptions{Keys: keys, Version: readBuild().Version,
		Clock: func() (time.Time, bool) { return time.Now(), true }}
	if opt.Identity, err = readIdentity(f.identity, stdin); err != nil {
		return nil, err
	}
	labels, err := parseLabels("--label", f.labels)
	if err != nil {
		return nil, err
	}
	if f.as != "" || len(labels) > 0 {
		opt.As = &bundle.Node{ID: f.as, Labels: labels}
	}
	signature := f.signature
	if signature == "" {
		signature = file + signatureExt
	}
	text, err := readInput(signature, stdin)
	if err != nil {
		return nil, err
	}
	archive, size, err := openArchive(file)
	if err != nil {
		return nil, err
	}
	defer archive.Close() // opened for reading: closing loses nothing
	return bundle.Verify(archive, size, text, opt)
}

// openArchive opens a bundle's file.
func openArchive(file string) (*os.File, int64, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, 0, unreadable(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = exitf(exitUnreadable, "%s is no file", file)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// reportVerified judges the configuration in a verified bundle and prints the answer.
func reportVerified(w io.Writer, b *bundle.Bundle, asJSON bool) error {
	r := &verifyReport{Manifest: b.Manifest, SHA256: hex.EncodeToString(b.Archive[:]), Signer: b.Signer.ID(),
		Comment: b.Comment, Notes: append([]bundle.Warning{}, b.Warnings...),
		Findings: append(load.Problems{}, loadBundle(b, time.Now())...)}
	for _, p := range r.Findings {
		if p.Severity == load.Error {
			r.Errors++
		} else {
			r.Warnings++
		}
	}
	r.OK = r.Errors == 0
	var err error
	if asJSON {
		err = printJSON(w, r)
	} else {
		err = r.print(w, b)
	}
	if err == nil && !r.OK {
		return answerNo()
	}
	return err
}

func (r *verifyReport) print(w io.Writer, b *bundle.Bundle) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "bundle %s, serial %d\nsigned by %s\nfor %s\n", b.Manifest.BundleID,
		b.Manifest.Serial, b.Signer, whom(b.Manifest.Selector))
	for _, n := range r.Notes {
		fmt.Fprintf(&out, "note: %s\n", n.Text)
	}
	for _, p := range r.Findings {
		fmt.Fprintln(&out, p)
	}
	verdict := "would be applied"
	if !r.OK {
		verdict = "would be refused as a whole"
	}
	fmt.Fprintf(&out, "%s, %s: %s\n", count(r.Errors, "error"), count(r.Warnings, "warning"), verdict)
	_, err := w.Write(out.Bytes())
	return err
}
