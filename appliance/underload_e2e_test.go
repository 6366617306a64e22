//go:build e2e

package appliance_test

import (
	"testing"
	"time"
)

// TestE2EReloadsUnderLoad changes a directory of 10,000 users twenty times, and brings five
// bundles of as many, while devices sign in. BenchmarkReloads and BenchmarkActivations do more.
func TestE2EReloadsUnderLoad(t *testing.T) {
	var p *press
	d := newDrill(t, 10*time.Second, func(s *site) { p = newPress(s) })
	d.run(20, 5, func() {}, d.reload)
	d.run(5, 2, func() { p.print(10) }, func() { d.activate(p) })
}
