//go:build e2e

package store_test

import "testing"

func TestE2EKilled(t *testing.T) { killLoop(t, 200) }

func TestE2EHundredThousandUsers(t *testing.T) {
	manyUsers(t, 100_000, dbDir(t))
	manyUsers(t, 100_000, "-")
}

// TestE2ENothingMissing is TestNothingMissing at ten times the work.
func TestE2ENothingMissing(t *testing.T) { nothingMissing(t, 30_000, 4) }

// TestE2ENothingMissingCached fills the cache of answers almost to its bound, four times.
func TestE2ENothingMissingCached(t *testing.T) { nothingMissingCached(t, 4_800, 4) }
