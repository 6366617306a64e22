package store_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/store"
	"gatehouse/authcore/identity"
	"gatehouse/authcore/policy"
)

func TestCodecRoundTrip(t *testing.T) {
	t.Parallel()
	for _, u := range []*identity.User{
		{Username: "a"},
		{Username: "a", State: identity.Suspended},
		person(1, 2),
		{Username: "a", Source: "users/staff.yaml"},
		{Username: "ü", Aliases: []string{"", "x"}, Groups: []string{strings.Repeat("g", 300)},
			NTHash: policy.Secret("\x00\xff"), TOTP: policy.Secret("t")},
	} {
		b, err := store.AppendUser([]byte("before"), u)
		if err != nil {
			t.Fatal(err)
		}
		got, err := store.ParseUser(b[len("before"):])
		if err != nil {
			t.Fatalf("ParseUser of %s: %v", u.Username, err)
		}
		if diff := cmp.Diff(u, got); diff != "" || string(got.NTHash) != string(u.NTHash) {
			t.Errorf("%s (-want +got):\n%s", u.Username, diff)
		}
	}
}

func TestCodecRejects(t *testing.T) {
	t.Parallel()
	good, err := store.AppendUser(nil, &identity.User{Username: "alice", Groups: []string{"g"}})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string][]byte{
		"empty":             {},
		"version":           append([]byte{1}, good[1:]...),
		"state":             append([]byte{2, 3}, good[2:]...),
		"trailing":          append(append([]byte{}, good...), 0),
		"no_username":       append([]byte{2, 1, 0}, make([]byte, 9)...),
		"long_number":       append([]byte{2, 1, 0x81, 0x00}, good[3:]...),
		"endless_number":    {2, 1, 0xff, 0xff, 0xff, 0xff},
		"length_beyond":     {2, 1, 0x7f, 'a'},
		"too_many_groups":   append([]byte{2, 1, 1, 'a', 0, 0, 0, 0, 0, 0, 0, 0x81, 0x08, 0}, make([]byte, 2000)...),
		"too_many_for_text": {2, 1, 1, 'a', 0, 0, 0, 0, 0, 0, 0, 5, 0},
		"too_large":         make([]byte, store.MaxRecordBytes+1),
	}
	for i := range good {
		tests["cut_at_"+string(rune('a'+i))] = good[:i]
	}
	for name, b := range tests {
		if u, err := store.ParseUser(b); err == nil {
			t.Errorf("%s: got %+v, want an error", name, u)
		}
	}
}

// TestCodecErrorsHideSecrets looks at what is said about a user too large.
func TestCodecErrorsHideSecrets(t *testing.T) {
	t.Parallel()
	_, err := store.AppendUser(nil, &identity.User{Username: "a",
		Password: policy.Secret(strings.Repeat("geheim", store.MaxRecordBytes))})
	if err == nil || strings.Contains(err.Error(), "geheim") {
		t.Errorf("got %.100v", err)
	}
}

func FuzzParseUser(f *testing.F) {
	for _, u := range []*identity.User{{Username: "a"}, person(1, 0), {Username: "b", Groups: []string{"", "x"}, TOTP: policy.Secret("t")}} {
		b, err := store.AppendUser(nil, u)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		u, err := store.ParseUser(b)
		if err != nil {
			return
		}
		again, err := store.AppendUser(nil, u)
		if err != nil || string(again) != string(b) {
			t.Errorf("AppendUser(ParseUser(%x)): got %x, %v", b, again, err)
		}
	})
}
