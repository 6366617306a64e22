package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"time"

	"gatehouse/authcore/supplicant"

	"github.com/spf13/cobra"
)

const probeLong = `Probe authenticates against a RADIUS server, as an access point and a person's
device would together, and shows step by step what the device saw. It checks what
devices do not tell you about: that both MS-MPPE keys are right, that the server
keeps the rules of RADIUS, EAP and EAP-TLS, and where it fell silent if it did.

The shared secret comes from a file, from standard input (--secret-file -) or from
the environment variable GATEHOUSE_SECRET, never from the command line. Without --ca
the server's certificate is shown but not verified.

With --count, --parallel, --duration, --rate or --resume it authenticates many times and
shows rate, latency, outcomes by reason and, with --resume, what resumption saves. Keys
and rules are checked every time. It works with any RADIUS server that does EAP-TLS.
Without --rate a server that becomes slow is asked less often; with it authentications
begin at their time, as people do, and the server is shown beyond its capacity. Ctrl-C
ends it early and shows what there is so far.

Exit codes: 0 accepted, all keys right; 1 rejected, or the server broke a rule;
2 usage; 3 a file cannot be read; 4 the server cannot be reached or falls silent;
5 the system does not allow a file to be read. Of many authentications the worst
counts: 4 if any got no verdict, else 1 if any was rejected or showed a broken rule.`

const probeExample = `  gatehouse probe --server 192.0.2.10:1812 --secret-file secret \
      --identity anonymous@example.com --cert alice.pem --key alice.key \
      --ca ca.pem --server-name radius.example.com --ssid staff

  # which rule was broken, for a script
  gatehouse probe --server 192.0.2.10:1812 --secret-file secret --identity alice \
      --cert alice.pem --key alice.key --json | jq .violations

  # load: 10,000 authentications by 16 devices that come back and resume
  gatehouse probe --server 192.0.2.10:1812 --secret-file secret --identity alice \
      --cert alice.pem --key alice.key --ca ca.pem --count 10000 --parallel 16 --resume

  # as many as there is room for in a minute, and the 99th percentile in milliseconds
  gatehouse probe --server 192.0.2.10:1812 --secret-file secret --identity alice \
      --cert alice.pem --key alice.key --parallel 16 --duration 1m --json | jq .latency_ms.p99

  # overload: 5,000 devices a second, whatever becomes of those before
  gatehouse probe --server 192.0.2.10:1812 --secret-file secret --identity alice \
      --cert alice.pem --key alice.key --rate 5000 --parallel 10000 --duration 30s`

// probeFlags is the command line of probe.
type probeFlags struct {
	server, secretFile, method, transport string
	identity, cert, key, ca, serverName   string
	ssid, nasIdentifier, station          string
	tlsMin, tlsMax                        string
	fragmentSize, framedMTU, retries      int
	timeout                               time.Duration
	keyName, json                         bool
	identityGiven                         bool // an empty one may be meant
	load                                  loadFlags
}

// newProbeCommand returns the sub-command probe.
func newProbeCommand() *cobra.Command {
	var f probeFlags
	cmd := &cobra.Command{
		Use:     "probe --server HOST:PORT --secret-file FILE --identity ID [flags]",
		Short:   "Authenticate against a RADIUS server and show each step",
		Long:    probeLong,
		Example: probeExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.identityGiven = cmd.Flags().Changed("identity")
			f.load.given(cmd.Flags())
			return runProbe(cmd, &f)
		},
	}
	f.register(cmd)
	return cmd
}

func (f *probeFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringVar(&f.server, "server", "", "RADIUS server, `HOST:PORT`")
	fl.StringVar(&f.secretFile, "secret-file", "",
		"`FILE` with the shared secret, - for stdin (default: $GATEHOUSE_SECRET)")
	fl.StringVar(&f.method, "method", "tls", "EAP `METHOD`: tls")
	fl.StringVar(&f.identity, "identity", "", "outer `IDENTITY`, for example anonymous@example.com")
	fl.StringVar(&f.cert, "cert", "", "`FILE` with the user certificate, PEM, leaf first")
	fl.StringVar(&f.key, "key", "", "`FILE` with its private key, PEM (default: the --cert file)")
	fl.StringVar(&f.ca, "ca", "", "`FILE` with the CA that must have issued the server's certificate")
	fl.StringVar(&f.serverName, "server-name", "", "`NAME` that the server's certificate must carry")
	fl.StringVar(&f.ssid, "ssid", "", "wireless network `NAME`, told in Called-Station-Id")
	fl.StringVar(&f.nasIdentifier, "nas-identifier", "", "NAS-Identifier `TEXT` (default gatehouse-probe)")
	fl.StringVar(&f.station, "station", "", "Calling-Station-Id `TEXT` (default 02-00-00-00-00-01)")
	fl.StringVar(&f.tlsMin, "tls-min", "", "lowest TLS `VERSION` to offer: 1.0 to 1.3 (default 1.2)")
	fl.StringVar(&f.tlsMax, "tls-max", "", "highest TLS `VERSION` to offer: 1.0 to 1.3 (default 1.3)")
	fl.IntVar(&f.fragmentSize, "fragment-size", supplicant.DefaultFragmentSize,
		"largest EAP packet we send, in `BYTES`")
	fl.IntVar(&f.framedMTU, "framed-mtu", 1400,
		"Framed-MTU: what the link to the device takes, in `BYTES`; 0: not told")
	fl.DurationVar(&f.timeout, "timeout", supplicant.DefaultTimeout,
		"how long each request waits for its answer")
	fl.IntVar(&f.retries, "retries", supplicant.DefaultRetries, "retransmissions of a request")
	fl.BoolVar(&f.keyName, "eap-key-name", true, "ask for the EAP Session-Id and check it")
	fl.StringVar(&f.transport, "transport", "udp", "`TRANSPORT`: udp")
	f.load.register(fl)
	fl.BoolVar(&f.json, "json", false, "print the report as JSON")
}

func runProbe(cmd *cobra.Command, f *probeFlags) error {
	cfg, err := f.config(cmd.InOrStdin())
	if err != nil {
		return err
	}
	if f.load.wanted {
		return runLoad(cmd, f, cfg)
	}
	ctx, stop := signal.NotifyContext(contextOf(cmd), os.Interrupt)
	defer stop()
	report, err := supplicant.Run(ctx, cfg)
	if report != nil {
		if werr := writeProbe(cmd.OutOrStdout(), report, f.json); werr != nil {
			return exitf(exitInternal, "writing the report: %w", werr)
		}
	}
	switch {
	case report == nil && err != nil && !errors.Is(err, supplicant.ErrUnreachable):
		return usageError(err) // a value that cannot be used
	case err != nil:
		return exitf(exitUnreachable, "%w%s", err, probeHint(err))
	case !report.OK():
		return answerNo()
	}
	return nil
}

// contextOf returns the command's context, which cobra leaves nil when Execute was called
// without one.
func contextOf(cmd *cobra.Command) context.Context {
	if ctx := cmd.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}

// probeHint is the next step for a conversation that could not be carried out.
func probeHint(err error) string {
	switch {
	case errors.Is(err, supplicant.ErrTimeout):
		return "; is this address one of the server's clients, and is the secret the same there?"
	case errors.Is(err, supplicant.ErrAuthenticator):
		return "; the secret differs from the server's"
	}
	return ""
}

// config turns flags into what the supplicant needs, or an error with its exit code.
func (f *probeFlags) config(stdin io.Reader) (supplicant.Config, error) {
	cfg := supplicant.Config{
		Server: f.server, Identity: f.identity, ServerName: f.serverName, SSID: f.ssid,
		NASIdentifier: f.nasIdentifier, CallingStationID: f.station,
		FragmentSize: f.fragmentSize, FramedMTU: f.framedMTU, EAPKeyName: f.keyName,
		Timeout: f.timeout, Retries: f.retries,
	}
	if f.retries <= 0 {
		cfg.Retries = -1
	}
	if err := f.check(); err != nil {
		return cfg, err
	}
	var err error
	if cfg.TLSMin, err = parseTLSVersion("--tls-min", f.tlsMin); err != nil {
		return cfg, err
	}
	if cfg.TLSMax, err = parseTLSVersion("--tls-max", f.tlsMax); err != nil {
		return cfg, err
	}
	if cfg.Secret, err = readSecret(f.secretFile, stdin); err != nil {
		return cfg, err
	}
	if f.ca != "" {
		if cfg.RootCAs, err = readCAs(f.ca, stdin); err != nil {
			return cfg, err
		}
	}
	if f.cert != "" {
		cfg.Certificate, err = readCredential(f.cert, f.key, stdin)
	}
	return cfg, err
}

// check refuses what a command line alone can get wrong.
func (f *probeFlags) check() error {
	later := []string{"ttls-pap", "ttls-mschapv2", "peap-mschapv2", "pap"}
	switch {
	case slices.Contains(later, f.method):
		return usagef("--method %s is not available yet; tls is", f.method)
	case f.method != "tls":
		return usagef("--method %q is unknown; tls is known", f.method)
	case f.transport == "tls" || f.transport == "dtls":
		return usagef("--transport %s is not available yet; udp is", f.transport)
	case f.transport != "udp":
		return usagef("--transport %q is unknown; udp is known", f.transport)
	case f.server == "":
		return usagef("--server is missing: HOST:PORT, usually port 1812")
	case !f.identityGiven:
		return usagef("--identity is missing: the outer identity, for example " +
			`anonymous@example.com; "" sends an empty one`)
	case f.key != "" && f.cert == "":
		return usagef("--key needs --cert")
	case f.serverName != "" && f.ca == "":
		return usagef("--server-name needs --ca: a name proves nothing alone")
	case f.timeout <= 0:
		return usagef("--timeout must be above zero")
	case f.fragmentSize == 0:
		return usagef("--fragment-size must be above zero")
	}
	return f.load.check()
}

func parseTLSVersion(flag, s string) (uint16, error) {
	versions := map[string]uint16{
		"": 0, "1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11,
		"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
	}
	v, ok := versions[s]
	if !ok {
		return 0, usagef("%s %q is unknown; known are 1.0, 1.1, 1.2 and 1.3",
			flag, s)
	}
	return v, nil
}

// writeProbe prints a report for people, or as JSON.
func writeProbe(w io.Writer, r *supplicant.Report, asJSON bool) error {
	if asJSON {
		return printJSON(w, r)
	}
	return writeLadder(w, r)
}
