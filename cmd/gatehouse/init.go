package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

const initLong = `Make a starter configuration in DIR, which must be empty or not there yet. It lacks only
what you alone have: the CA that vouches for your people.

With --demo, one that is complete: a lab CA, a demo user with a certificate and server
credentials, all on loopback addresses, to try everything on one machine.`

// secretLength is that of a generated shared secret: 24 characters of 5 random bits.
const secretLength = 24

// initReport is the answer of init.
type initReport struct {
	Directory string   `json:"directory"`
	Demo      bool     `json:"demo"`
	Files     []string `json:"files"` // relative to the directory
	Notes     []string `json:"notes"`
	Next      []string `json:"next"` // commands to run
}

func newInitCommand() *cobra.Command {
	var demo, asJSON bool
	cmd := &cobra.Command{
		Use:     "init DIR",
		Short:   "Make a starter configuration",
		Long:    initLong,
		Example: example("gatehouse init /etc/gatehouse"),
		Args:    oneArg("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := initDirectory(args[0], demo)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), r)
			}
			return r.print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&demo, "demo", false, "a complete one, to try everything on this machine")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// initDirectory makes the starter configuration. Everything is made in memory first, so that a
// directory is left half made only by a full disk.
func initDirectory(dir string, demo bool) (*initReport, error) {
	if err := checkEmpty(dir); err != nil {
		return nil, err
	}
	r := &initReport{Directory: dir, Demo: demo}
	build := starterFiles
	if demo {
		build = demoFiles
	}
	files, err := build(r)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		r.Files = append(r.Files, f.path)
	}
	return r, writeNew(dir, files)
}

// checkEmpty refuses a directory with anything in it.
func checkEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return unreadable(err)
	case len(entries) > 0:
		return exitf(exitNo, "%s is not empty, and nothing is overwritten: name another directory", dir)
	}
	return nil
}

// newSecret makes a shared secret.
func newSecret() string { return rand.Text()[:secretLength] }

// path is a file of the new directory as a word of a command line.
func (r *initReport) path(elements ...string) string {
	return shellWord(filepath.Join(append([]string{r.Directory}, elements...)...))
}

// print tells people what was made and what to do next.
func (r *initReport) print(w io.Writer) error {
	var b strings.Builder
	what := "a starter configuration"
	if r.Demo {
		what = "a demo configuration"
	}
	fmt.Fprintf(&b, "Made %s of %s in %s.\n", what, count(len(r.Files), "file"), r.Directory)
	for _, note := range r.Notes {
		b.WriteString(note + "\n")
	}
	b.WriteString("\nNext:\n")
	for _, command := range r.Next {
		b.WriteString("  " + command + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
