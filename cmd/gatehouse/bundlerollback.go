package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
)

const bundleRollbackLong = `Have this gateway go back to a bundle that was in force here before: to the last one that worked, or to the
one that is named as bundle history names it. It is tried like a new one. The bundle that is left is not
taken again by itself, and serials stay used up: what comes next needs a higher one.

With --loose no bundle is in force any more, and the files of the configuration directory count again.

Exit codes: 0, done; 1, there is no such version; 4, nobody answers; 7, it cannot be put in force, and what was
there still is.`

// rollbackTime is how long a rollback may take: a trial, and what comes before it.
const rollbackTime = 2 * time.Minute

func newBundleRollbackCommand() *cobra.Command {
	var order appliance.BundleRollback
	var stateDir string
	var loose, asJSON bool
	cmd := &cobra.Command{
		Use:   "rollback [VERSION | --loose] --reason TEXT",
		Short: "Go back to a bundle of before",
		Long:  bundleRollbackLong,
		Example: example(`gatehouse bundle rollback --reason "wrong VLANs"`) + "\n" +
			example(`gatehouse bundle rollback 000041-5f0c9a11 --reason "wrong VLANs"`),
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				order.To = args[0]
			}
			if loose {
				if order.To != "" {
					return usagef("either a VERSION or --loose: where to?")
				}
				order.To = appliance.LooseFiles
			}
			if strings.TrimSpace(order.Reason) == "" {
				return usagef("--reason is missing: whoever reads the log will ask")
			}
			b, err := askBundle(cmd, stateDir, "/api/v1/bundle/rollback", order)
			if err != nil {
				return err
			}
			return reportBundle(cmd, b, asJSON)
		},
	}
	cmd.Flags().StringVar(&order.Reason, "reason", "", "`TEXT` for the log (required)")
	cmd.Flags().BoolVar(&loose, "loose", false, "to the files of the configuration directory")
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

const bundleTrustLong = `Show whose signatures this gateway takes: the keys of fleet.trusted_keys in gatehouse.yaml or, once a
bundle has brought others, those. A key that a bundle has removed never comes back by a bundle.

reset makes the keys of gatehouse.yaml count again: for when all others are lost. What is in force stays.`

func newBundleTrustCommand() *cobra.Command {
	show := trustCommand(&cobra.Command{Use: "trust", Short: "Show whose signatures count", Long: bundleTrustLong,
		Example: example("gatehouse bundle trust")}, false)
	show.AddCommand(trustCommand(&cobra.Command{Use: "reset", Short: "Have the keys of gatehouse.yaml count again",
		Long: bundleTrustLong, Example: example("gatehouse bundle trust reset")}, true))
	return show
}

func trustCommand(cmd *cobra.Command, reset bool) *cobra.Command {
	var stateDir string
	var asJSON bool
	cmd.Args = noArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		var b appliance.Bundle
		if reset {
			b, err = askBundle(cmd, stateDir, "/api/v1/bundle/trust/reset", nil)
		} else {
			err = process{stateDir}.ask(cmd.Context(), http.MethodGet, "/api/v1/bundle", nil, nil, &b)
		}
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), b.Keys)
		}
		for _, k := range b.Keys {
			from := "gatehouse.yaml"
			if b.Rotated {
				from = "a bundle"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s (%s), from %s%s\n", k.Name, k.ID, from, highest(b, k.ID))
		}
		if len(b.Keys) == 0 {
			fmt.Fprintln(cmd.OutOrStdout(), "nobody's: fleet.trusted_keys in gatehouse.yaml names no key that is there")
		}
		return nil
	}
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// askBundle gives an order that may take a while, and returns how things stand after it.
func askBundle(cmd *cobra.Command, stateDir, path string, order any) (b appliance.Bundle, err error) {
	ctx, cancel := context.WithTimeout(cmd.Context(), rollbackTime)
	defer cancel()
	body, err := json.Marshal(order)
	if err != nil {
		return b, err
	}
	g, err := (&remote{}).open(stateDir, cmd.InOrStdin())
	if err != nil {
		return b, err
	}
	err = g.do(ctx, request{method: http.MethodPost, path: path, body: bytes.NewReader(body), size: int64(len(body))}, &b)
	return b, err
}

func reportBundle(cmd *cobra.Command, b appliance.Bundle, asJSON bool) error {
	if asJSON {
		return printJSON(cmd.OutOrStdout(), b)
	}
	text := whatCounts(b)
	if b.InForce != nil {
		text = b.InForce.Name + " is in force"
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), text)
	return err
}
