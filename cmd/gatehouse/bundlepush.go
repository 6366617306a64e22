package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
	"gatehouse/sync/bundle"
)

const bundlePushLong = `Hand a bundle and its signature to a gateway, and wait for what becomes of it: to the one that runs
here or, with --to, to one that answers at an address. The token that this takes says who may push;
what is pushed is verified by its signature all the same.

A gateway that has it in force already says so: pushing twice does nothing twice.

Exit codes: 0, it is in force; 1, the configuration in it is not valid or did not work and was rolled back;
3, a file cannot be read; 4, nobody answers, or not in time; 5, the token is not taken; 6, its signature
is not trusted; 7, it is not for this gateway or for now.`

type bundlePushFlags struct {
	remote
	signature, stateDir string
	wait                time.Duration
	noWait, asJSON      bool
}

func newBundlePushCommand() *cobra.Command {
	f := &bundlePushFlags{}
	cmd := &cobra.Command{
		Use:   "push FILE",
		Short: "Hand a bundle to a gateway",
		Long:  bundlePushLong,
		Example: example("gatehouse bundle push emea-000042.tar.gz") + "\n" +
			example("gatehouse bundle push emea-000042.tar.gz --to https://oslo-1:8443 --token-file token --ca web.pem"),
		Args: oneArg("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.signature, "signature", "", "`FILE` with the signature (default: FILE"+signatureExt+")")
	fl.DurationVar(&f.wait, "wait", 5*time.Minute, "how `LONG` to wait for the outcome")
	fl.BoolVar(&f.noWait, "no-wait", false, "do not wait: 0 means that it has arrived")
	f.addFlags(cmd)
	addStateFlag(cmd, &f.stateDir)
	addJSONFlag(cmd, &f.asJSON)
	return cmd
}

func (f *bundlePushFlags) run(cmd *cobra.Command, file string) error {
	if f.signature == "" {
		f.signature = file + signatureExt
	}
	signature, err := readInput(f.signature, cmd.InOrStdin())
	if err != nil {
		return err
	}
	if len(signature) > bundle.MaxSignatureBytes { // nothing is sent that nobody takes
		e := bundle.TooLong()
		return f.report(cmd.OutOrStdout(), appliance.BundlePush{State: appliance.PushRefused,
			Refusal: &appliance.BundleRefusal{At: time.Now(), File: f.signature, Code: string(e.Code),
				ExitCode: e.ExitCode(), Text: e.Error()}})
	}
	archive, size, err := openArchive(file)
	if err != nil {
		return err
	}
	defer archive.Close() // opened for reading: closing loses nothing
	g, err := f.open(f.stateDir, cmd.InOrStdin())
	if err != nil {
		return err
	}
	push, err := f.push(cmd, g, &progress{r: archive, size: size, w: cmd.ErrOrStderr()}, signature)
	if err != nil {
		return err
	}
	if !f.noWait {
		if push, err = f.await(cmd.Context(), g, push); err != nil {
			return err
		}
	}
	return f.report(cmd.OutOrStdout(), push)
}

func (f *bundlePushFlags) push(cmd *cobra.Command, g *gateway, body *progress, signature []byte) (p appliance.BundlePush, err error) {
	header := http.Header{"X-Minisign-Signature": {base64.StdEncoding.EncodeToString(signature)},
		"Content-Type": {"application/gzip"}}
	err = g.do(cmd.Context(), request{method: http.MethodPut, path: "/api/v1/bundle", header: header,
		body: body, size: body.size}, &p)
	body.done()
	return p, err
}

// await asks until the outcome is there.
func (f *bundlePushFlags) await(ctx context.Context, g *gateway, p appliance.BundlePush) (appliance.BundlePush, error) {
	ctx, cancel := context.WithTimeout(ctx, f.wait)
	defer cancel()
	for p.State == appliance.PushPending || p.State == appliance.PushTrying {
		select {
		case <-ctx.Done():
			text := ""
			if p.Text != "" {
				text = ": " + p.Text
			}
			return p, exitf(exitUnreachable, "the gateway has the bundle, and it is still %s after %v%s", p.State, f.wait, text)
		case <-time.After(300 * time.Millisecond):
		}
		err := g.do(ctx, request{method: http.MethodGet, path: "/api/v1/bundle/pushes/" + p.SHA256}, &p)
		if err != nil && ctx.Err() == nil {
			return p, err
		}
	}
	return p, nil
}

// report prints the outcome; one that is bad is the exit code of its refusal.
func (f *bundlePushFlags) report(w io.Writer, p appliance.BundlePush) error {
	var err error
	if f.asJSON {
		err = printJSON(w, p)
	} else {
		err = printPush(w, p)
	}
	if err != nil || p.Refusal == nil {
		return err
	}
	return &exitError{code: p.Refusal.ExitCode}
}

func printPush(w io.Writer, p appliance.BundlePush) error {
	text := map[string]string{
		appliance.PushPending:   "has arrived",
		appliance.PushTrying:    "is in force, on trial",
		appliance.PushApplied:   "is in force",
		appliance.PushUnchanged: "was in force already",
	}[p.State]
	if p.Refusal == nil {
		_, err := fmt.Fprintf(w, "%s %s\n", nonEmpty(p.Version, "bundle "+p.SHA256[:min(8, len(p.SHA256))]), text)
		return err
	}
	r := p.Refusal
	verdict := "refused"
	if p.State == appliance.PushRolledBack {
		verdict = "rolled back"
	}
	_, err := fmt.Fprintf(w, "%s: %s: %s\n", verdict, r.Code, r.Text)
	for _, f := range r.Problems {
		if err == nil {
			_, err = fmt.Fprintf(w, "%s:%d:%d: %s%s\n", f.File, max(f.Line, 1), max(f.Column, 1), f.Text, dashed(f.Remedy))
		}
	}
	return err
}

func nonEmpty(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func dashed(remedy string) string {
	if remedy == "" {
		return ""
	}
	return " — " + remedy
}

// A progress is a file on its way, and says on a terminal how far it is.
type progress struct {
	r          io.Reader
	size, sent int64
	w          io.Writer
	shown      time.Time
}

func (p *progress) Read(buf []byte) (int, error) {
	n, err := p.r.Read(buf)
	p.sent += int64(n)
	if now := time.Now(); isTerminal(p.w) && p.size > 0 && now.Sub(p.shown) > 200*time.Millisecond {
		p.shown = now
		_, _ = fmt.Fprintf(p.w, "\rsending %3d %% of %.1f MiB", p.sent*100/p.size, float64(p.size)/(1<<20))
	}
	return n, err
}

func (p *progress) done() {
	if !p.shown.IsZero() {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// readToken reads a bearer token from a file, - for stdin, or the environment.
func readToken(file string, stdin io.Reader) (string, error) {
	if file == "" {
		return os.Getenv("GATEHOUSE_TOKEN"), nil
	}
	text, err := readInput(file, stdin)
	if err != nil {
		return "", err
	}
	token := firstLine(text)
	if token == "" {
		return "", exitf(exitUnreadable, "%s holds no token", file)
	}
	return token, nil
}

var errNoToken = errors.New("--token-file is missing: who may push says a token, made by gatehouse admin token")

// decode reads a JSON answer.
func decode(body io.ReadCloser, v any) error {
	defer func() { _ = body.Close() }() // it was only read
	if err := json.NewDecoder(body).Decode(v); err != nil {
		return fmt.Errorf("reading the gateway's answer: %w", err)
	}
	return nil
}
