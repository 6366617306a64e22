package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The exit codes of every command.
const (
	exitOK          = 0
	exitNo          = 1  // a negative answer: rejected, invalid, findings, differs
	exitUsage       = 2  // the command line is wrong
	exitUnreadable  = 3  // something cannot be read or parsed
	exitUnreachable = 4  // somebody cannot be reached or does not answer; a port in use
	exitPermission  = 5  // the system does not allow it
	exitTrust       = 6  // a signature, hash or trust check went wrong
	exitRefused     = 7  // refused by policy: an old serial, another gateway
	exitInternal    = 70 // a fault of ours
)

// An exitError ends the command with a code. Without err nothing is printed: the answer on
// stdout has said it.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exitWith ends the command with code and says why on stderr.
func exitWith(code int, err error) error { return &exitError{code, err} }

// exitf is exitWith with a format that may wrap an error.
func exitf(code int, format string, args ...any) error {
	return &exitError{code, fmt.Errorf(format, args...)}
}

// answerNo ends the command with the code of a negative answer, which stdout has told.
func answerNo() error { return &exitError{code: exitNo} }

// usageError says that the command line is wrong.
func usageError(err error) error { return &exitError{exitUsage, err} }

// usagef is usageError with a format.
func usagef(format string, args ...any) error { return usageError(fmt.Errorf(format, args...)) }

// unreadable tells why a file could not be read, or made: not allowed, or anything else.
func unreadable(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return &exitError{exitPermission, err}
	}
	return &exitError{exitUnreadable, err}
}

// classify makes every error that a command of the tree returns without a code an internal
// one, so that what is left without a code comes from the parser of the command line.
func classify(cmd *cobra.Command) {
	if body := cmd.RunE; body != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			err := body(cmd, args)
			var coded *exitError
			if err == nil || errors.As(err, &coded) || errors.Is(err, pflag.ErrHelp) {
				return err
			}
			return exitWith(exitInternal, err)
		}
	}
	for _, c := range cmd.Commands() {
		classify(c)
	}
}

// report prints err as people expect it and returns its exit code.
func report(stderr io.Writer, cmd *cobra.Command, err error) int {
	if err == nil {
		return exitOK
	}
	coded := &exitError{code: exitUsage, err: err}
	errors.As(err, &coded)
	if coded.err == nil {
		return coded.code
	}
	// Nobody is left to tell when stderr cannot be written.
	_, _ = fmt.Fprintf(stderr, "gatehouse: %s\n", strings.TrimRight(coded.Error(), "\n"))
	if coded.code == exitUsage {
		_, _ = fmt.Fprintf(stderr, "Run '%s --help' for usage.\n", cmd.CommandPath())
	}
	return coded.code
}

// flagError is a usage error that names the flag most likely meant. When the command line args
// name no command at all, that is said instead: its flags cannot be known.
func flagError(cmd *cobra.Command, args []string, err error) error {
	if _, rest, findErr := cmd.Root().Find(args); findErr == nil && cmd.HasSubCommands() {
		for _, arg := range rest {
			if !strings.HasPrefix(arg, "-") {
				return unknownCommand(cmd, arg)
			}
		}
	}
	name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !unknown {
		return usageError(err)
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, "--"+f.Name)
		}
	})
	return usagef("%w%s", err, didYouMean("--"+name, known))
}
