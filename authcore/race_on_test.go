//go:build race

package authcore_test

// halfOpen is smaller under the race detector, which makes a handshake ten times as dear; the
// full number runs without it.
const halfOpen = 1200
