package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
)

// Set by the linker (-X main.version=…); what is left empty comes from the build information
// that Go records.
var (
	version string
	commit  string
	date    string // RFC 3339, of the commit
)

// A build says which program this is.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Date    string `json:"date,omitempty"`
	Dirty   bool   `json:"dirty"` // built from files that differ from the commit
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// readBuild returns what is known about this program.
func readBuild() build {
	b := build{
		Version: version, Commit: commit, Date: date,
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "devel"
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && b.Commit == "":
			b.Commit = s.Value
		case s.Key == "vcs.time" && b.Date == "":
			b.Date = s.Value
		case s.Key == "vcs.modified":
			b.Dirty = s.Value == "true"
		}
	}
	return b
}

func newVersionCommand() *cobra.Command {
	var asJSON, licences bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Say which build this is",
		Long: `Say which build this is, or with --licences under which licences it was made with the work of others.

The fingerprint of the certificate of the web pages belongs to a gateway, not to a build: gatehouse status.`,
		Example: example("gatehouse version --json"),
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if licences {
				return printLicences(cmd)
			}
			b := readBuild()
			if asJSON {
				return printJSON(cmd.OutOrStdout(), b)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "gatehouse %s\n", b)
			return err
		},
	}
	addJSONFlag(cmd, &asJSON)
	cmd.Flags().BoolVar(&licences, "licences", false, "print the licences instead")
	cmd.MarkFlagsMutuallyExclusive("json", "licences")
	return cmd
}

func printLicences(cmd *cobra.Command) error {
	text, err := appliance.Licences()
	if err != nil {
		return err
	}
	_, err = cmd.OutOrStdout().Write(text)
	return err
}

// String returns everything in one line.
func (b build) String() string {
	s := b.Version
	if b.Commit != "" {
		s += " commit " + b.Commit[:min(12, len(b.Commit))]
	}
	if b.Dirty {
		s += " (modified)"
	}
	if b.Date != "" {
		s += " of " + b.Date
	}
	return s + fmt.Sprintf(", %s %s/%s", b.Go, b.OS, b.Arch)
}
