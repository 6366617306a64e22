// Package control is the unix socket by which the commands on the device talk to the running
// process: HTTP with the same paths and JSON as the API, open to whoever may open the socket
// (mode 0600). It owns the goroutines of its HTTP server while Run runs.
package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// SocketName is the socket's name in the state directory.
const SocketName = "control.sock"

const (
	requestTimeout = 10 * time.Second
	maxHeader      = 8 << 10
)

// ErrRunning means that another process answers on the socket.
var ErrRunning = errors.New("another gatehouse runs on this state directory")

// A Server serves the control socket.
type Server struct {
	listener net.Listener
	http     http.Server
}

// Listen binds the socket in stateDir and serves handler on it once Run runs. What a process
// that is gone left behind is replaced; a living one is ErrRunning.
func Listen(stateDir string, handler http.Handler) (*Server, error) {
	path := filepath.Join(stateDir, SocketName)
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		return nil, errors.Join(fmt.Errorf("%w: %s", ErrRunning, path), conn.Close())
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("replacing the control socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("opening the control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("protecting the control socket: %w", err), listener.Close())
	}
	return &Server{listener: listener, http: http.Server{
		Handler: handler, ReadTimeout: requestTimeout, MaxHeaderBytes: maxHeader,
	}}, nil
}

// Run serves until ctx ends, and removes the socket.
func (s *Server) Run(ctx context.Context) error { return Serve(ctx, &s.http, s.listener) }

// Serve runs server on listener until ctx ends, gives requests in hand a second, and returns
// nil; an error means that it ended early.
func Serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	stopped := make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			_ = server.Close() // they had their second
		}
	})()
	err := server.Serve(listener)
	if ctx.Err() != nil && errors.Is(err, http.ErrServerClosed) {
		<-stopped
		return nil
	}
	return err
}

// Close frees the socket of a Server that is never run.
func (s *Server) Close() error { return s.listener.Close() }

// Client returns an HTTP client whose every request goes to the socket in stateDir, whatever
// host its URL names. It sets no time limit: bound requests by their context.
func Client(stateDir string) *http.Client {
	path := filepath.Join(stateDir, SocketName)
	var dialer net.Dialer
	return &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, "unix", path)
			},
		},
	}
}
