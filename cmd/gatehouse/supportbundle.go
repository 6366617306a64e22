package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
)

const supportLong = `Pack what somebody far away needs to find a fault into one file: status, findings of check, the last
decisions, the configuration as an outline, metrics, and facts about the process and the machine.

Shared secrets, passwords and their hashes, tokens, keys and one-time codes are left out, and so are
users; names of people, devices and access points stand in the decisions. Look through the file before
you send it. At most 12 MiB before compression.

It asks the running process; where none runs, or with --config, it packs the files and the machine.

Exit codes: 0; 3, the configuration cannot be read; 4, the process does not answer; 5, not allowed.`

// maxSupport bounds what is taken from the running process, in bytes.
const maxSupport = 16 << 20

func newSupportBundleCommand() *cobra.Command {
	var configDir, stateDir, out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "support-bundle",
		Aliases: []string{"support"},
		Short:   "Pack what helps to find a fault, without secrets",
		Long:    supportLong,
		Example: example("gatehouse support-bundle -o /tmp/gatehouse-support.tar.gz"),
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			running := process{stateDir}
			isOffline := cmd.Flags().Changed("config") || !running.running()
			data, err := []byte(nil), error(nil)
			if isOffline {
				data, err = supportOffline(cmd.Context(), configDir, stateDir)
			} else {
				data, err = supportOnline(cmd.Context(), running)
			}
			if err != nil {
				return err
			}
			if out == "-" {
				_, err = cmd.OutOrStdout().Write(data)
				return err
			}
			if err := writeNew("", []newFile{secretFile(out, data)}); err != nil {
				return err
			}
			return printSupport(cmd.OutOrStdout(), supportAnswer{out, len(data), !isOffline}, asJSON)
		},
	}
	name := "gatehouse-support-" + time.Now().UTC().Format("20060102-150405") + ".tar.gz"
	cmd.Flags().StringVarP(&out, "out", "o", name, "`FILE` to write, - being standard output")
	cmd.Flags().Lookup("out").DefValue = "gatehouse-support-TIME.tar.gz"
	addConfigFlag(cmd, &configDir)
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// A supportAnswer says what was written.
type supportAnswer struct {
	File    string `json:"file"`
	Bytes   int    `json:"bytes"`
	Running bool   `json:"running"` // the process told about itself
}

func printSupport(w io.Writer, a supportAnswer, asJSON bool) error {
	if asJSON {
		return printJSON(w, a)
	}
	what := "look through it before you send it"
	if !a.Running {
		what = "the gateway does not run, so it has files and machine only; " + what
	}
	_, err := fmt.Fprintf(w, "%s, %d bytes: %s\n", a.File, a.Bytes, what)
	return err
}

// supportOnline asks the running process.
func supportOnline(ctx context.Context, p process) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*askTimeout)
	defer cancel()
	answer, err := p.open(ctx, http.MethodPost, "/api/v1/support", nil, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(answer, maxSupport))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of the running process: %w", err)
	}
	return data, nil
}

func supportOffline(ctx context.Context, configDir, stateDir string) ([]byte, error) {
	fsys, err := openConfig(configDir)
	if err != nil {
		return nil, err
	}
	data, err := appliance.SupportOffline(ctx, fsys, stateDir, readBuild().Version, time.Now())
	if errors.Is(err, os.ErrPermission) {
		return nil, exitWith(exitPermission, err)
	}
	return data, err
}
