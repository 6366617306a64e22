//go:build e2e

package fetch_test

import "testing"

// TestE2EFleetConverges has a thousand gateways fetch, verify and apply bundles from one web
// server, and refuse one.
func TestE2EFleetConverges(t *testing.T) { converge(t, 1000) }
