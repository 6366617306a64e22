//go:build race

package store_test

// raceEnabled says that memory is no measure: the race detector needs several times as much.
const raceEnabled = true
