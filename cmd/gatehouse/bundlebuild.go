package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/sync/bundle"
	"gatehouse/sync/load"
)

const bundleBuildLong = `Pack a directory into a bundle and sign it: OUT and OUT.minisig. The directory holds what a
configuration directory holds (gatehouse.yaml stays with its gateway), and its secrets are sealed:
see bundle seal. The same directory and flags give the same bytes. What a gateway would refuse is not
signed; without --identity, what is sealed is not looked at.

The serial goes up by one with every bundle: gateways refuse one that they have seen, or an older one.
--expires stops nothing; it makes gateways complain that nothing newer has come.

Exit codes: 0, built; 1, a gateway would refuse it, or OUT is there already with other content; 3, the
directory cannot be read or packed; 6, the key cannot be opened.`

// bundleBuildFlags are the flags of bundle build.
type bundleBuildFlags struct {
	opt                                bundle.BuildOptions
	serial                             string
	key, passwordFile, out, identity   string
	labels                             []string
	created, notBefore, expires        string
	changelog, sourceURL, sourceCommit string
	asJSON                             bool
}

// A buildReport is the answer of bundle build.
type buildReport struct {
	Bundle    string        `json:"bundle"`
	Signature string        `json:"signature"`
	BundleID  string        `json:"bundle_id"`
	Serial    uint64        `json:"serial"`
	SHA256    string        `json:"sha256"`
	Bytes     int           `json:"bytes"`
	Signer    string        `json:"signer"`
	Skipped   []string      `json:"skipped"`
	Findings  load.Problems `json:"findings"` // warnings
}

func newBundleBuildCommand() *cobra.Command {
	f := &bundleBuildFlags{}
	cmd := &cobra.Command{
		Use:     "build DIR",
		Short:   "Pack a directory into a signed bundle",
		Long:    bundleBuildLong,
		Example: example("gatehouse bundle build fleet --id emea --serial 42 --key fleet.key --label region=emea"),
		Args:    oneArg("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.parse(); err != nil {
				return err
			}
			r, err := f.build(cmd, args[0])
			if err != nil {
				return err
			}
			if f.asJSON {
				return printJSON(cmd.OutOrStdout(), r)
			}
			cmd.Printf("%s  %s\n%s  signed by %s\n", r.Bundle, count(r.Bytes, "byte"), r.Signature, r.Signer)
			return nil
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.opt.ID, "id", "", "`NAME` of the bundle (required)")
	fl.StringVar(&f.serial, "serial", "", "`NUMBER`, higher than that of the bundle before (required)")
	fl.StringVar(&f.key, "key", "", "minisign secret key `FILE` that signs (required)")
	addPasswordFlag(cmd, &f.passwordFile)
	fl.StringVarP(&f.out, "out", "o", "", "`FILE` to make (default: NAME-SERIAL.tar.gz)")
	fl.StringArrayVar(&f.opt.Selector.IDs, "for", nil, "`ID` of a gateway that it is for (repeat; default: every gateway)")
	fl.StringArrayVar(&f.labels, "label", nil, "`KEY=VALUE` that gateways must have which it is for (repeat: all of them)")
	fl.StringVar(&f.expires, "expires", "", "`DATE` from which on a newer one should be in its place")
	fl.StringVar(&f.notBefore, "not-before", "", "`DATE` before which no gateway applies it")
	fl.StringVar(&f.created, "created", "", "`TIME` to write down (default: SOURCE_DATE_EPOCH, or none)")
	fl.StringVar(&f.opt.MinVersion, "min-version", "", "oldest `VERSION` of gatehouse that may apply it")
	fl.BoolVar(&f.opt.Canary, "canary", false, "mark it as a trial")
	fl.StringVar(&f.changelog, "changelog-file", "", "`FILE` that says what has changed")
	fl.StringVar(&f.sourceURL, "source-url", "", "`URL` of the repository it is built from")
	fl.StringVar(&f.sourceCommit, "source-commit", "", "`COMMIT` it is built from")
	addIdentityFlag(cmd, &f.identity)
	fl.BoolVar(&f.opt.AllowPlain, "plain-secrets", false, "pack secrets that stand there in plain: for labs only")
	addJSONFlag(cmd, &f.asJSON)
	return cmd
}

// parse reads those flags that need it.
func (f *bundleBuildFlags) parse() (err error) {
	if f.opt.ID == "" || f.serial == "" || f.key == "" {
		return usagef("--id, --serial and --key are required")
	}
	if f.opt.Serial, err = strconv.ParseUint(f.serial, 10, 64); err != nil {
		return usagef("--serial %q is no number", f.serial)
	}
	if f.opt.Selector.Labels, err = parseLabels("--label", f.labels); err != nil {
		return err
	}
	if f.opt.Expires, err = parseTime("--expires", f.expires); err != nil {
		return err
	}
	if f.opt.NotBefore, err = parseTime("--not-before", f.notBefore); err != nil {
		return err
	}
	if f.opt.Created, err = parseTime("--created", f.created); err != nil {
		return err
	}
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" && f.created == "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return usagef("SOURCE_DATE_EPOCH %q is no number", epoch)
		}
		f.opt.Created = time.Unix(seconds, 0)
	}
	f.opt.Source = bundle.Source{URL: f.sourceURL, Commit: f.sourceCommit}
	f.opt.BuiltBy = "gatehouse " + readBuild().Version
	if f.out == "" {
		f.out = fmt.Sprintf("%s-%06d.tar.gz", f.opt.ID, f.opt.Serial)
	}
	return nil
}

func (f *bundleBuildFlags) build(cmd *cobra.Command, dir string) (*buildReport, error) {
	if f.changelog != "" {
		text, err := readInput(f.changelog, cmd.InOrStdin())
		if err != nil {
			return nil, err
		}
		f.opt.Changelog = string(text)
	}
	id, err := readIdentity(f.identity, cmd.InOrStdin())
	if err != nil {
		return nil, err
	}
	key, err := readSigningKey(f.key, f.passwordFile, cmd.InOrStdin())
	if err != nil {
		return nil, err
	}
	root, err := openSourceDir(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close() // only a handle to the directory
	built, err := bundle.Build(root.FS(), f.opt)
	if err != nil {
		return nil, bundleError(err)
	}
	signature, err := key.Sign(bytes.NewReader(built.Archive), built.Manifest.Comment())
	if err != nil {
		return nil, err
	}
	trusted := key.Trusted(f.key)
	b, err := bundle.Verify(bytes.NewReader(built.Archive), int64(len(built.Archive)), signature,
		bundle.VerifyOptions{Keys: []bundle.TrustedKey{trusted}, Identity: id})
	if err != nil {
		return nil, bundleError(err)
	}
	problems := loadBundle(b, time.Now())
	if len(problems) > 0 || len(built.Skipped) > 0 {
		printFindings(cmd.ErrOrStderr(), built.Skipped, problems)
	}
	if problems.HasErrors() {
		return nil, exitf(exitNo, "nothing was built: a gateway would refuse it")
	}
	r := &buildReport{Bundle: f.out, Signature: f.out + signatureExt, BundleID: f.opt.ID,
		Serial: f.opt.Serial, SHA256: hex.EncodeToString(b.Archive[:]), Bytes: len(built.Archive),
		Signer: trusted.ID(), Skipped: list(built.Skipped), Findings: append(load.Problems{}, problems...)}
	return r, writeSame([]newFile{
		{r.Bundle, built.Archive, 0o644}, {r.Signature, signature, 0o644}})
}

// printFindings tells what is left out, and what is doubtful or wrong.
func printFindings(w io.Writer, skipped []string, problems load.Problems) {
	var b bytes.Buffer
	for _, name := range skipped {
		fmt.Fprintf(&b, "%s: stays with its gateway, and is not packed\n", name)
	}
	for _, p := range problems {
		fmt.Fprintln(&b, p)
	}
	_, _ = w.Write(b.Bytes()) // nobody is left to tell
}

// readSigningKey reads a minisign secret key.
func readSigningKey(file, passwordFile string, stdin io.Reader) (bundle.SigningKey, error) {
	text, err := readInput(file, stdin)
	if err != nil {
		return bundle.SigningKey{}, err
	}
	password := ""
	if bundle.IsEncrypted(text) {
		if password, err = readPassword(passwordFile, stdin); err != nil {
			return bundle.SigningKey{}, err
		}
	}
	key, err := bundle.ParseSigningKey(text, password)
	if e := bundle.AsError(err); e != nil {
		return key, exitf(e.ExitCode(), "%s: %w", file, err)
	}
	return key, err
}

// writeSame makes files, and lets those be that are there already with the same content.
func writeSame(files []newFile) error {
	var missing []newFile
	for _, f := range files {
		if have, err := os.ReadFile(f.path); err != nil || !bytes.Equal(have, f.data) {
			missing = append(missing, f)
		}
	}
	return writeNew("", missing)
}
