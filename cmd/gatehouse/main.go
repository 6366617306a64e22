// Command gatehouse is the whole appliance in one binary: argv in, exit code out. Each
// sub-command has a file of its own; what they do is done by appliance, authcore/supplicant,
// authcore/pki/lab, sync/bundle and sync/load.
//
// Results go to stdout, messages to stderr. Secrets come by file, stdin or environment, never
// by argument.
package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run carries out one command line and returns its exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return flagError(cmd, args, err)
	})
	cmd, err := root.ExecuteC()
	return report(stderr, cmd, err)
}
