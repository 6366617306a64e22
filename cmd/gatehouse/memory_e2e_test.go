//go:build e2e

package main

import "testing"

// TestE2EServeManyUsers is TestServeManyUsers with 100,000 users, in 128 MiB.
func TestE2EServeManyUsers(t *testing.T) { serveManyUsers(t, 100_000, "96MiB", 128<<10) }
