package revocation_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"
)

// A cacheSpy is a Cache in memory that outlives Sources, counts, and can be damaged.
type cacheSpy struct {
	mu      sync.Mutex
	values  map[string][]byte
	puts    int
	durable int // of puts
	broken  bool
}

var errSpyBroken = errors.New("broken for the test")

func (c *cacheSpy) Get(key []byte) ([]byte, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		return nil, false, errSpyBroken
	}
	v, ok := c.values[string(key)]
	return bytes.Clone(v), ok, nil
}

func (c *cacheSpy) Put(key, value []byte, durable bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		return errSpyBroken
	}
	if c.values == nil {
		c.values = map[string][]byte{}
	}
	c.values[string(key)] = bytes.Clone(value)
	c.puts++
	if durable {
		c.durable++
	}
	return nil
}

func (c *cacheSpy) Delete(keys ...[]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		return errSpyBroken
	}
	for _, k := range keys {
		delete(c.values, string(k))
	}
	return nil
}

func (c *cacheSpy) Walk(fn func(key, value []byte) bool) error {
	c.mu.Lock()
	values := maps.Clone(c.values)
	broken := c.broken
	c.mu.Unlock()
	if broken {
		return errSpyBroken
	}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		if !fn([]byte(k), bytes.Clone(values[k])) {
			break
		}
	}
	return nil
}

// change replaces every value by what fn makes of it; nil drops it.
func (c *cacheSpy) change(fn func(key string, value []byte) []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, v := range c.values {
		if made := fn(k, bytes.Clone(v)); made != nil {
			c.values[k] = made
		} else {
			delete(c.values, k)
		}
	}
}

func (c *cacheSpy) count() (entries, puts, durable int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.values), c.puts, c.durable
}

// eventually waits for what other goroutines do.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("still waiting: %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}
