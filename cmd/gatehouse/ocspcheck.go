package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
)

const ocspCheckLong = `Ask every responder that a certificate names whether it is still good, now, and show each step: the
name, the connection, TLS, HTTP, the signature and its signer, and the dates. CERT is PEM (leaf first,
then intermediates) or one certificate in DER; - is stdin. The issuer comes from the configuration's
CAs, or from CERT. The running appliance asks, by the way that sign-ins take; where none runs, or with
--config, this command asks itself, by the configuration directory. Answers are shown and not kept.

For the whole decision, with the cache, the grace and the lists: gatehouse cert test.

Exit codes: 0, good; 1, revoked, unknown, an answer that does not count, or nobody is named;
3, the certificate or the configuration cannot be read; 4, no responder could be reached.`

// ocspCheckTimeout is a bit more than the appliance takes for all responders of a certificate.
const ocspCheckTimeout = time.Minute

// ocspCheckFlags are the flags of ocsp check.
type ocspCheckFlags struct {
	configDir, stateDir string
	asJSON              bool
}

func newOCSPCheckCommand() *cobra.Command {
	f := &ocspCheckFlags{}
	cmd := &cobra.Command{
		Use:     "check CERT",
		Short:   "Ask the responders of a certificate now, step by step",
		Long:    ocspCheckLong,
		Example: example("gatehouse ocsp check alice.pem"),
		Args:    oneArg("CERT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readInput(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			if ctx == nil {
				ctx = context.Background()
			}
			ctx, cancel := context.WithTimeout(ctx, ocspCheckTimeout)
			defer cancel()
			var check appliance.OCSPCheck
			if running := (process{f.stateDir}); !cmd.Flags().Changed("config") && running.running() {
				check, err = f.askProcess(ctx, running, data)
			} else {
				check, err = f.askOurselves(ctx, args[0], data)
			}
			if err != nil {
				return err
			}
			return f.print(cmd, check)
		},
	}
	addConfigFlag(cmd, &f.configDir)
	addStateFlag(cmd, &f.stateDir)
	addJSONFlag(cmd, &f.asJSON)
	return cmd
}

// askProcess has the running process ask; that may take longer than other answers.
func (f *ocspCheckFlags) askProcess(ctx context.Context, p process, data []byte) (check appliance.OCSPCheck, err error) {
	body, err := p.open(ctx, http.MethodPost, "/api/v1/ocsp/check", nil, bytes.NewReader(data))
	if err != nil {
		return check, err
	}
	defer func() { _ = body.Close() }() // it was only read
	if err := json.NewDecoder(body).Decode(&check); err != nil {
		return check, fmt.Errorf("reading the answer of the running process: %w", err)
	}
	return check, nil
}

func (f *ocspCheckFlags) askOurselves(ctx context.Context, file string, data []byte) (check appliance.OCSPCheck, err error) {
	fsys, err := openConfig(f.configDir)
	if err != nil {
		return check, err
	}
	check, err = appliance.CheckOCSP(ctx, fsys, data, time.Now())
	switch {
	case errors.Is(err, appliance.ErrNoIssuer):
		return check, exitf(exitNo, "%s: %w", file, err)
	case err != nil:
		return check, certTestError(err, file, f.configDir)
	}
	return check, nil
}

// print shows the answer; the error carries the exit code of a negative one.
func (f *ocspCheckFlags) print(cmd *cobra.Command, check appliance.OCSPCheck) error {
	verdict := judgeCheck(&check)
	var err error
	if f.asJSON {
		err = printJSON(cmd.OutOrStdout(), struct {
			appliance.OCSPCheck
			Verdict string `json:"verdict"` // good, revoked, unknown, refused, unreachable or not_named
		}{check, verdict.word})
	} else {
		err = printCheck(cmd.OutOrStdout(), &check, verdict, time.Now())
	}
	if err == nil && verdict.code != exitOK {
		return &exitError{code: verdict.code}
	}
	return err
}
