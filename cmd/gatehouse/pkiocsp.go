package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/authcore/pki/lab"
)

const pkiOCSPLong = `Answer for the lab CA in DIR until told to stop (SIGTERM, SIGINT): OCSP by GET and POST at /, its
CRL at /crl. With root-key.pem in DIR (gatehouse pki ca --intermediate) it answers for the root
too, whose CRL is at /root-crl.

What DIR/revoked.txt lists is revoked, one SERIAL-HEX [RFC 3339 time] [reason] a line;
gatehouse pki revoke adds to it. What DIR/issued.txt does not list is unknown; without that file
every other serial number is good. Both are read again when they change, and while one is broken
what it said before stays in force. Other issuers are answered with "unauthorized".

The address is printed on stdout once it answers, and each request on stderr: good, revoked or
unknown, and the serial number.

Gatehouse asks nobody on a loopback address unless ca/NAME.yaml of this CA allows it:
  revocation: {allow_addresses: [127.0.0.1/32]}`

const stopTime = 2 * time.Second // for requests in hand when told to stop

// pkiOCSPFlags are the flags of pki ocsp.
type pkiOCSPFlags struct {
	listen           string
	life, delay      time.Duration
	delegate, asJSON bool
}

func newPKIOCSPCommand() *cobra.Command {
	f := &pkiOCSPFlags{}
	cmd := &cobra.Command{
		Use:   "ocsp DIR",
		Short: "Run an OCSP responder for a lab CA",
		Long:  pkiOCSPLong,
		Example: example("gatehouse pki issue lab --kind email-san --name alice@acme.example "+
			"--ocsp http://127.0.0.1:8888") + "\n" + example("gatehouse pki ocsp lab"),
		Args: oneArg("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if ctx == nil {
				ctx = context.Background()
			}
			return f.run(ctx, args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringVar(&f.listen, "listen", "127.0.0.1:8888", "`ADDRESS` and port; port 0: any that is free")
	fl.DurationVar(&f.life, "life", time.Hour, "`TIME` from thisUpdate to nextUpdate")
	fl.DurationVar(&f.delay, "delay", 0, "`TIME` that passes before each answer")
	fl.BoolVar(&f.delegate, "delegate", false, "have a delegated signer sign, not the CA itself")
	addJSONFlag(cmd, &f.asJSON)
	return cmd
}

// run serves until ctx ends or a signal comes.
func (f *pkiOCSPFlags) run(ctx context.Context, dir string, stdout, stderr io.Writer) error {
	switch {
	case f.life < time.Second:
		return usagef("--life %v is below a second", f.life)
	case f.delay < 0:
		return usagef("--delay %v is below zero", f.delay)
	}
	responder, err := f.responder(dir, log.New(stderr, "", 0))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	listener, err := net.Listen("tcp", f.listen)
	if err != nil {
		return listenError(err)
	}
	server := &http.Server{
		Handler: responder, ErrorLog: responder.log, MaxHeaderBytes: 64 << 10,
		// A read that times out would end the wait for the delay as well.
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: f.delay + 10*time.Second,
		WriteTimeout: f.delay + 20*time.Second, IdleTimeout: 30 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	if err := f.announce(stdout, listener.Addr(), responder); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err := <-ended:
		return exitWith(exitInternal, err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if server.Shutdown(last) != nil {
		return server.Close() // who has not read the answer by now never will
	}
	return nil
}

// listenError gives the error of listening its exit code.
func listenError(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return exitWith(exitUnreachable, err)
	case errors.Is(err, fs.ErrPermission):
		return exitWith(exitPermission, err)
	}
	return usagef("--listen: %w", err)
}

// announce prints where the responder answers.
func (f *pkiOCSPFlags) announce(w io.Writer, addr net.Addr, s *labResponder) error {
	base := "http://" + addr.String()
	if a, err := netip.ParseAddrPort(addr.String()); err == nil && a.Addr().IsUnspecified() {
		base = fmt.Sprintf("http://localhost:%d", a.Port())
	}
	where := struct {
		Responder string   `json:"responder"`
		CRLs      []string `json:"crls"`
	}{Responder: base}
	for _, list := range s.lists {
		where.CRLs = append(where.CRLs, base+list.path)
	}
	if f.asJSON {
		return json.NewEncoder(w).Encode(where) // one line: more may follow, some day
	}
	if _, err := fmt.Fprintf(w, "responder: %s\n", where.Responder); err != nil {
		return err
	}
	for _, list := range where.CRLs {
		if _, err := fmt.Fprintf(w, "CRL: %s\n", list); err != nil {
			return err
		}
	}
	return nil
}

// responder puts together what answers for the CAs in dir.
func (f *pkiOCSPFlags) responder(dir string, logger *log.Logger) (*labResponder, error) {
	cas, err := loadIssuers(dir)
	if err != nil {
		return nil, err
	}
	record, err := openRecord(dir)
	if err != nil {
		return nil, err
	}
	s := &labResponder{
		record: record, delay: f.delay, log: logger, slots: make(chan struct{}, maxOCSPInFlight),
	}
	for i, ca := range cas {
		options := lab.ResponderOptions{
			Revocations: &record.revocations, Issued: record.isIssued, Life: f.life,
		}
		if f.delegate {
			if options.Signer, err = ca.IssueOCSPSigner(lab.SignerOptions{}); err != nil {
				return nil, err
			}
		}
		r, err := lab.NewResponder(ca, options)
		if err != nil {
			return nil, err
		}
		s.responders = append(s.responders, r)
		s.lists = append(s.lists, &labList{path: []string{"/crl", "/root-crl"}[i], ca: ca, life: f.life})
	}
	return s, nil
}
