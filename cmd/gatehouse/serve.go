package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
	"gatehouse/appliance/bootconf"
	"gatehouse/appliance/control"
)

const bootFile = "gatehouse.yaml"

func newServeCommand() *cobra.Command {
	var configDir, stateDir string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the appliance",
		Long: `Run the appliance until it is told to stop (SIGTERM, SIGINT).

A change of the configuration directory goes live by itself, but for gatehouse.yaml: what is
right at once, a broken file keeps the last good version of what it holds, and a deleted one goes
when nothing has changed for ten seconds, or on SIGHUP. Logs go to stderr, as JSON unless that is
a terminal.

Exit codes: 3, gatehouse.yaml cannot be read or is not valid; 4, an address is in use.`,
		Example: example("gatehouse serve --config /etc/gatehouse --state /var/lib/gatehouse"),
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), configDir, stateDir, cmd.ErrOrStderr())
		},
	}
	addConfigFlag(cmd, &configDir)
	addStateFlag(cmd, &stateDir)
	return cmd
}

func serve(ctx context.Context, configDir, stateDir string, stderr io.Writer) error {
	if ctx == nil {
		ctx = context.Background()
	}
	boot, err := readBoot(configDir)
	if err != nil {
		return err
	}
	logger, flush := newLogger(boot.Log, stderr)
	defer flush()
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	appliance.Tune(logger)
	a, err := appliance.New(appliance.Config{
		Boot: boot, Tree: os.DirFS(configDir), Dir: configDir, StateDir: stateDir, Logger: logger,
		Version: readBuild().Version, Built: buildTime(),
	})
	switch {
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, control.ErrRunning):
		return exitWith(exitUnreachable, err)
	case errors.Is(err, fs.ErrPermission):
		return exitWith(exitPermission, err)
	case err != nil:
		return exitWith(exitNo, err)
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	go func() {
		for {
			select {
			case <-hangups:
				a.Reload()
			case <-ctx.Done():
				return
			}
		}
	}()
	b := readBuild()
	a.Logger().Info("starting", "version", b.Version, "commit", b.Commit, "node", boot.Node.ID)
	if err := a.Run(ctx); err != nil {
		return exitWith(exitInternal, err)
	}
	logger.Info("stopped")
	return nil
}

// readBoot reads gatehouse.yaml from the configuration directory. One that is not there has
// every default; a broken one is exit 3, with every finding.
func readBoot(configDir string) (*bootconf.Config, error) {
	if info, err := os.Stat(configDir); err != nil {
		return nil, unreadable(fmt.Errorf("reading the configuration directory: %w", err))
	} else if !info.IsDir() {
		return nil, exitf(exitUnreadable, "reading the configuration directory: %s is a file", configDir)
	}
	path := filepath.Join(configDir, bootFile)
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, unreadable(err)
	}
	boot, problems := bootconf.Parse(data)
	if len(problems) > 0 {
		lines := []string{bootFile + " is not valid"}
		for _, p := range problems {
			line := fmt.Sprintf("%s:%d:%d: %s", path, p.Line, p.Column, p.Text)
			if p.Remedy != "" {
				line += " — " + p.Remedy
			}
			lines = append(lines, line)
		}
		return nil, exitf(exitUnreadable, "%s", strings.Join(lines, "\n"))
	}
	if boot.Node.ID == "" {
		boot.Node.ID, _ = os.Hostname() // no name is no reason not to start
	}
	return boot, nil
}

// newLogger returns the logger of gatehouse.yaml's log, writing to w. Unless that is a terminal,
// flush must be called in the end.
func newLogger(config bootconf.Log, w io.Writer) (logger *slog.Logger, flush func()) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(config.Level)); err != nil {
		level = slog.LevelInfo // Validate has refused anything else
	}
	options := &slog.HandlerOptions{Level: level}
	terminal := isTerminal(w)
	text := config.Format == "text" || config.Format == "auto" && terminal
	if terminal {
		return slog.New(logHandler(w, text, options)), func() {}
	}
	buffer := &logBuffer{w: w}
	return slog.New(promptHandler{logHandler(buffer, text, options), buffer}), buffer.flush
}

func logHandler(w io.Writer, text bool, options *slog.HandlerOptions) slog.Handler {
	if text {
		return slog.NewTextHandler(w, options)
	}
	return slog.NewJSONHandler(w, options)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// buildTime returns when the program was made, or the zero time.
func buildTime() time.Time {
	t, err := time.Parse(time.RFC3339, readBuild().Date)
	if err != nil {
		return time.Time{}
	}
	return t
}
