package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/sync/bundle"
	"gatehouse/sync/load"
)

// signatureExt is what the name of a signature adds to that of what it signs.
const signatureExt = ".minisig"

const bundleLong = `Make, check, read and apply bundles: signed archives of configuration for any number of gateways.

  gatehouse bundle keygen -o fleet.key                    once; fleet.pub goes to every gateway
  gatehouse bundle identity                               on each gateway: its recipient for secrets
  gatehouse bundle seal DIR --recipient oslo-1=age1…      encrypts the secrets in DIR; commit it
  gatehouse bundle build DIR --id emea --serial 42 --key fleet.key
  gatehouse bundle verify emea-000042.tar.gz --key fleet.pub --as oslo-1
  gatehouse bundle test emea-000042.tar.gz --cert alice.pem
  gatehouse bundle push emea-000042.tar.gz --to https://oslo-1:8443 --token-file token
  gatehouse bundle history                                on a gateway: what is in force, and was
  gatehouse bundle contents                               on a gateway: which files it consists of
  gatehouse bundle changes                                on a gateway: what it changed
  gatehouse bundle rollback --reason TEXT                 on a gateway: back to the one before

Signatures are minisign's, secrets are age's: their own programs work on all of it.`

func newBundleCommand() *cobra.Command {
	group := newGroup("bundle", "Make, check, read and apply signed bundles of configuration",
		newBundleBuildCommand(),
		newBundleChangesCommand(),
		newBundleContentsCommand(),
		newBundleDiffCommand(),
		newBundleHistoryCommand(),
		newBundleIdentityCommand(),
		newBundleInspectCommand(),
		newBundleKeygenCommand(),
		newBundlePushCommand(),
		newBundleRollbackCommand(),
		newBundleSealCommand(),
		newBundleTestCommand(),
		newBundleTrustCommand(),
		newBundleVerifyCommand(),
	)
	group.Long = bundleLong
	return group
}

// bundleError gives err the exit code that its kind of refusal has.
func bundleError(err error) error {
	if e := bundle.AsError(err); e != nil {
		return exitWith(e.ExitCode(), err)
	}
	var coded *exitError
	if err == nil || errors.As(err, &coded) {
		return err
	}
	return unreadable(err)
}

// addIdentityFlag gives cmd the flag --identity.
func addIdentityFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "identity", "", "age identity `FILE` that opens the secrets")
}

// readIdentity reads an identity file; none if there is no name.
func readIdentity(file string, stdin io.Reader) (*bundle.Identity, error) {
	if file == "" {
		return nil, nil
	}
	text, err := readInput(file, stdin)
	if err != nil {
		return nil, err
	}
	id, err := bundle.ParseIdentity(text)
	if err != nil {
		return nil, exitf(exitUnreadable, "%s: %w", file, err)
	}
	return id, nil
}

// readTrustedKeys reads minisign public keys.
func readTrustedKeys(files []string) ([]bundle.TrustedKey, error) {
	var keys []bundle.TrustedKey
	for _, file := range files {
		text, err := readInput(file, nil)
		if err != nil {
			return nil, err
		}
		key, err := bundle.ParseTrustedKey(file, text)
		if err != nil {
			return nil, bundleError(err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// parseLabels reads KEY=VALUE words.
func parseLabels(flag string, words []string) (map[string]string, error) {
	labels := map[string]string{}
	for _, word := range words {
		key, value, ok := strings.Cut(word, "=")
		if _, twice := labels[key]; !ok || key == "" || twice {
			return nil, usagef("%s %q: write KEY=VALUE, each key once", flag, word)
		}
		labels[key] = value
	}
	return labels, nil
}

// openSourceDir opens a directory that a bundle is made of. What symbolic links in it point to
// outside of it is not read: a key of this machine must not be packed by a slip.
func openSourceDir(dir string) (*os.Root, error) {
	if _, err := openConfig(dir); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, unreadable(err)
	}
	return root, nil
}

// loadBundle judges what is in b as a gateway would.
func loadBundle(b *bundle.Bundle, now time.Time) load.Problems {
	_, problems := load.Load(b.FS(), load.Options{
		Now: now, Secrets: b.Secrets(), WithoutSecrets: !b.SecretsOpened,
		Managed: true, Activates: b.Manifest.ActivePairs(),
	})
	return problems
}

// whom says for which gateways a bundle is.
func whom(s bundle.Selector) string {
	var parts []string
	if len(s.IDs) > 0 {
		parts = append(parts, strings.Join(s.IDs, ", "))
	}
	if len(s.Labels) > 0 {
		var labels []string
		for key, value := range s.Labels {
			labels = append(labels, key+"="+value)
		}
		parts = append(parts, "those with "+strings.Join(slices.Sorted(slices.Values(labels)), " and "))
	}
	if len(parts) == 0 {
		return "every gateway"
	}
	return strings.Join(parts, ", and ")
}

// replaceBelow writes a file below root in one step, so that a crash leaves the old or the new.
func replaceBelow(root *os.Root, name string, data []byte) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if info, err := root.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	temp := name + ".tmp"
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, root.Remove(temp))
	}
	return root.Rename(temp, name)
}

// parseTime reads a date (midnight UTC) or a time of RFC 3339.
func parseTime(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usagef("%s %q: write a date like 2027-02-20, or 2027-02-20T12:00:00Z", flag, text)
}

// dateOf is t for people.
func dateOf(t time.Time) string { return fmt.Sprintf("%s UTC", t.UTC().Format("2006-01-02 15:04")) }
