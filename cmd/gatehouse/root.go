package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Where a packaged gateway keeps its files.
const (
	defaultConfigDir = "/etc/gatehouse"
	defaultStateDir  = "/var/lib/gatehouse"
)

// newRootCommand returns the whole tree of commands.
func newRootCommand() *cobra.Command {
	root := newGroup("gatehouse", "Network authentication by certificate, at the branch's edge",
		newAdminCommand(),
		newAPCommand(),
		newBundleCommand(),
		newCACommand(),
		newCertCommand(),
		newCheckCommand(),
		newClockCommand(),
		newExplainCommand(),
		newHealthCommand(),
		newInitCommand(),
		newOCSPCommand(),
		newOnboardCommand(),
		newPKICommand(),
		newProbeCommand(),
		newRADIUSCommand(),
		newSAMLCommand(),
		newServeCommand(),
		newSetupCodeCommand(), newSupportBundleCommand(),
		newStatusCommand(),
		newTailCommand(),
		newUserCommand(),
		newVersionCommand(),
	)
	root.Version = readBuild().Version
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SilenceErrors = true // report prints them
	root.SilenceUsage = true
	root.SetHelpCommand(newHelpCommand())
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.Short = "Print a completion script: bash, zsh, fish or powershell"
		makeGroup(completion)
	}
	classify(root)
	return root
}

// newGroup returns a command that only has sub-commands.
func newGroup(use, short string, commands ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{Use: use, Short: short}
	group.AddCommand(commands...)
	makeGroup(group)
	return group
}

// makeGroup lets a group answer a missing or unknown sub-command with a usage error; cobra's
// own answer below the root is the help and success.
func makeGroup(group *cobra.Command) {
	group.Args = cobra.ArbitraryArgs
	group.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(cmd, args[0])
		}
		cmd.SetOut(cmd.ErrOrStderr())
		if err := cmd.Help(); err != nil {
			return err
		}
		return usagef("a command is missing")
	}
}

func unknownCommand(group *cobra.Command, name string) error {
	var known []string
	for _, c := range group.Commands() {
		if !c.Hidden {
			known = append(known, c.Name())
		}
	}
	return usagef("unknown command %q for %q%s", name, group.CommandPath(), didYouMean(name, known))
}

// newHelpCommand replaces cobra's, which calls an unknown topic a success.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND…]",
		Short: "Show the help of a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, rest, err := cmd.Root().Find(args)
			if err != nil {
				return usageError(err)
			}
			if len(rest) > 0 {
				return unknownCommand(topic, rest[0])
			}
			topic.InitDefaultHelpFlag()
			return topic.Help()
		},
	}
}

// addConfigFlag gives cmd the flag --config.
func addConfigFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "config", defaultConfigDir, "configuration directory")
}

// addStateFlag gives cmd the flag --state.
func addStateFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "state", defaultStateDir, "state directory")
}

// addJSONFlag gives cmd the flag --json.
func addJSONFlag(cmd *cobra.Command, asJSON *bool) {
	cmd.Flags().BoolVar(asJSON, "json", false, "answer in JSON")
}

// oneArg wants exactly one argument, called what in the message.
func oneArg(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return usagef("%s is missing", what)
		case len(args) > 1:
			return usagef("one %s is expected, not %d: %s", what, len(args), strings.Join(args, " "))
		}
		return nil
	}
}

// noArgs wants no argument.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("no argument is expected, but there is %q", args[0])
	}
	return nil
}

// example formats the one example of a command's help.
func example(line string) string { return fmt.Sprintf("  %s", line) }
