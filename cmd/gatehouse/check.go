package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance/bootconf"
	"gatehouse/sync/load"
)

const checkLong = `Check a configuration directory as the appliance would load it: every finding with file,
line, column and what to do. Warnings never keep a configuration from going live; with
--strict they count as findings all the same.

Exit codes: 0, all of it would go live; 1, errors (with --strict, or warnings); 3, the
directory or gatehouse.yaml cannot be read.`

// A checkReport is the answer of check.
type checkReport struct {
	Directory string        `json:"directory"`
	OK        bool          `json:"ok"` // exit code 0
	Errors    int           `json:"errors"`
	Warnings  int           `json:"warnings"`
	Verdict   string        `json:"verdict"`
	Findings  load.Problems `json:"findings"`
}

func newCheckCommand() *cobra.Command {
	var strict, asJSON bool
	cmd := &cobra.Command{
		Use:     "check DIR",
		Short:   "Check a configuration directory and say what is wrong with it",
		Long:    checkLong,
		Example: example("gatehouse check /etc/gatehouse"),
		Args:    oneArg("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := checkDirectory(args[0], time.Now())
			if err != nil {
				return err
			}
			r.OK = r.Errors == 0 && (!strict || r.Warnings == 0)
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), r)
			} else {
				err = r.print(cmd.OutOrStdout())
			}
			if err == nil && !r.OK {
				return answerNo()
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "warnings count too")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// checkDirectory judges gatehouse.yaml and everything else in dir.
func checkDirectory(dir string, now time.Time) (*checkReport, error) {
	fsys, err := openConfig(dir)
	if err != nil {
		return nil, err
	}
	config, boot, err := checkBoot(dir)
	if err != nil {
		return nil, err
	}
	draft, rest := load.Load(fsys, load.Options{Now: now, Named: config.Files()})
	r := &checkReport{Directory: dir, Findings: append(boot, rest...)}
	for _, p := range r.Findings {
		if p.Severity == load.Error {
			r.Errors++
		} else {
			r.Warnings++
		}
	}
	r.Verdict = verdict(boot.HasErrors(), draft != nil, rest.HasErrors())
	return r, nil
}

// verdict says what would become of the directory.
func verdict(bootBroken, usable, restBroken bool) string {
	switch {
	case bootBroken:
		return "would not start"
	case !usable:
		return "would start, but nothing could go live: RADIUS would not be answered"
	case restBroken:
		return "would go live without what is broken, or with its last good version"
	}
	return "would go live"
}

// checkBoot judges gatehouse.yaml. A missing one is that of no bytes: all defaults. With problems
// the Config is only what could be read.
func checkBoot(dir string) (*bootconf.Config, load.Problems, error) {
	data, err := os.ReadFile(filepath.Join(dir, bootFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, unreadable(err)
	}
	found := load.Problems{}
	config, problems := bootconf.Parse(data)
	for _, p := range problems {
		found = append(found, load.Problem{
			File: bootFile, Line: p.Line, Column: p.Column, Severity: load.Error,
			Object: "gatehouse", Text: p.Text, Remedy: p.Remedy,
		})
	}
	return config, found, nil
}

// print writes every finding as file:line:col: text, and a summary as the last line.
func (r *checkReport) print(w io.Writer) error {
	var b bytes.Buffer
	for _, p := range r.Findings {
		fmt.Fprintln(&b, p)
	}
	fmt.Fprintf(&b, "%s, %s: %s\n", count(r.Errors, "error"), count(r.Warnings, "warning"), r.Verdict)
	_, err := w.Write(b.Bytes())
	return err
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
