package store

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parts is a database of the parts of it.
func parts(it item, stamp uint64) map[string][]byte {
	p := it.headPair(kindList, stamp)
	all := map[string][]byte{string(p.name): p.value}
	for i := range furtherParts(len(it.value)) {
		p := it.partPair(kindList, stamp, i+1)
		all[string(p.name)] = p.value
	}
	return all
}

func getterOf(parts map[string][]byte) getter {
	return func(name []byte) ([]byte, error) {
		if v, ok := parts[string(name)]; ok {
			return v, nil
		}
		return nil, errAbsent
	}
}

func newItem(key string, size int) item {
	return item{digestOf([]byte(key)), []byte(key), bytes.Repeat([]byte("0123456789a"), size)[:size]}
}

func TestItemRoundTrip(t *testing.T) {
	t.Parallel()
	for size, wantParts := range map[int]int{0: 1, 1: 1, itemPartBytes: 1, itemPartBytes + 1: 2,
		2 * itemPartBytes: 2, 300_000: 37, maxItemBytes: 1024} {
		want := newItem("key", size)
		all := parts(want, 1<<63+5)
		if len(all) != wantParts {
			t.Errorf("%d bytes: got %d parts, want %d", size, len(all), wantParts)
		}
		total := 0
		for name, v := range all {
			pairBytes := len(name) + len(v)
			if total += pairBytes + entryBytes; pairBytes > 15<<10 {
				t.Errorf("%d bytes: a pair has %d: it must fit a block", size, pairBytes)
			}
			if _, _, _, ok := parseKey([]byte(name)); !ok {
				t.Errorf("%d bytes: parseKey(%x): got none of its own", size, name)
			}
		}
		if got := want.bytesOnDisk(); got != total {
			t.Errorf("%d bytes: got %d on disk, want %d", size, got, total)
		}
		got, err := readItem(getterOf(all), kindList, want.name)
		if err != nil || got.name != want.name || !bytes.Equal(got.key, want.key) ||
			!bytes.Equal(got.value, want.value) {
			t.Errorf("%d bytes: got %d bytes under %q, %v", size, len(got.value), got.key, err)
		}
	}
}

// TestItemRejected breaks one part at a time.
func TestItemRejected(t *testing.T) {
	t.Parallel()
	it := newItem("key", 20_000)
	first, last := string(headKey(kindList, it.name)), string(partKey(kindList, it.name, 7, 2))
	body := func(change func(b []byte) []byte) func(map[string][]byte) {
		return func(all map[string][]byte) {
			b, _ := unseal([]byte(first), all[first])
			all[first] = seal([]byte(first), change(bytes.Clone(b)))
		}
	}
	for name, damage := range map[string]func(map[string][]byte){
		"bit_turned":      func(all map[string][]byte) { all[last][5] ^= 1 },
		"cut":             func(all map[string][]byte) { all[last] = all[last][:len(all[last])-1] },
		"empty":           func(all map[string][]byte) { all[first] = nil },
		"part_missing":    func(all map[string][]byte) { delete(all, last) },
		"part_of_another": func(all map[string][]byte) { all[last] = parts(it, 8)[string(partKey(kindList, it.name, 8, 2))] },
		"part_exchanged":  func(all map[string][]byte) { all[last] = all[string(partKey(kindList, it.name, 7, 1))] },
		"part_too_long": func(all map[string][]byte) {
			all[last] = seal([]byte(last), make([]byte, itemPartBytes))
		},
		"part_too_short":  func(all map[string][]byte) { all[last] = seal([]byte(last), []byte{1}) },
		"other_version":   body(func(b []byte) []byte { b[0]++; return b }),
		"other_stamp":     body(func(b []byte) []byte { b[1]++; return b }),
		"too_long":        body(func(b []byte) []byte { b[9] = 0xff; return b }),
		"longer":          body(func(b []byte) []byte { b[11]++; return b }),
		"key_too_long":    body(func(b []byte) []byte { b[13] = 0xff; return b }),
		"key_of_another":  body(func(b []byte) []byte { b[itemHeaderBytes]++; return b }),
		"header_cut":      body(func(b []byte) []byte { return b[:itemHeaderBytes-1] }),
		"data_cut":        body(func(b []byte) []byte { return b[:len(b)-1] }),
		"data_too_long":   body(func(b []byte) []byte { return append(b, 0) }),
		"nothing_at_all":  body(func([]byte) []byte { return nil }),
		"rubbish_instead": func(all map[string][]byte) { all[first] = []byte("rubbish") },
	} {
		all := parts(it, 7)
		damage(all)
		if got, err := readItem(getterOf(all), kindList, it.name); !errors.Is(err, errItem) {
			t.Errorf("%s: got %d bytes, %v; want errItem", name, len(got.value), err)
		}
	}
	if _, err := readItem(getterOf(nil), kindList, it.name); !errors.Is(err, errAbsent) {
		t.Errorf("readItem of nothing: got %v, want errAbsent", err)
	}
	fault := errors.New("fault")
	get := func([]byte) ([]byte, error) { return nil, fault }
	if _, err := readItem(get, kindList, it.name); !errors.Is(err, fault) {
		t.Errorf("readItem of a database that fails: got %v", err)
	}
}

func TestItemKeysRejected(t *testing.T) {
	t.Parallel()
	name := digestOf([]byte("key"))
	first, part := headKey(kindAnswer, name), partKey(kindAnswer, name, 3, 9)
	gotName, stamp, i, ok := parseKey(part)
	if diff := cmp.Diff([]any{name, uint64(3), 9, true}, []any{gotName, stamp, i, ok}); diff != "" {
		t.Errorf("parseKey (-want +got):\n%s", diff)
	}
	for _, key := range [][]byte{nil, {kindAnswer}, first[:17], append(bytes.Clone(first), 0),
		part[:27], append(bytes.Clone(part), 0), partKey(kindAnswer, name, 3, 0),
		append([]byte{kindAnswer, 'x'}, name[:]...)} {
		if _, _, _, ok := parseKey(key); ok {
			t.Errorf("parseKey(%x): got ok", key)
		}
	}
}

// FuzzItem reads a first part that is sealed, whatever it says: no panic, and nothing that could
// not have been written.
func FuzzItem(f *testing.F) {
	it := newItem("key", 100)
	key := headKey(kindList, it.name)
	for _, size := range []int{0, 100, 20_000} {
		p := newItem("key", size).headPair(kindList, 7)
		f.Add(p.value[:len(p.value)-sumBytes])
	}
	f.Add([]byte{itemVersion})
	f.Fuzz(func(t *testing.T, body []byte) {
		sealed := seal(key, bytes.Clone(body))
		all := map[string][]byte{string(key): sealed}
		got, err := readItem(getterOf(all), kindList, it.name)
		if err != nil {
			if !errors.Is(err, errItem) {
				t.Errorf("got %v", err)
			}
			return
		}
		h, _ := parseHead(body)
		if p := got.headPair(kindList, h.stamp); !bytes.Equal(p.value, sealed) {
			t.Errorf("got %x again, want %x", p.value, sealed)
		}
	})
}
