package appliance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/gops/agent"
)

// runGops runs the gops diagnosis agent until ctx ends. Whoever can connect to it may read
// stacks and the heap and stop the garbage collector, so it is off unless gatehouse.yaml asks,
// listens on loopback only, and says loudly that it is there. Its port stands in a file in the
// state directory, which is ours alone.
func (a *Appliance) runGops(ctx context.Context) error {
	dir := filepath.Join(a.config.StateDir, "gops")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the directory of the gops agent: %w", err)
	}
	// No ShutdownCleanup: it would end the process by itself on a signal.
	err := agent.Listen(agent.Options{Addr: a.config.Boot.Listen.GOPS, ConfigDir: dir})
	if err != nil {
		return fmt.Errorf("starting the gops agent: %w", err)
	}
	defer agent.Close()
	a.config.Logger.Warn("the gops diagnosis agent is on: every user of this machine can read the "+
		"memory of this process; switch listen.gops off when you are done", "part", "gops", "file", dir)
	<-ctx.Done()
	return nil
}
