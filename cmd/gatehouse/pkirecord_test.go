package main

import (
	"fmt"
	"io"
	"math/big"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ocsp"

	"gatehouse/authcore/pki/lab"
)

func TestParseRevoked(t *testing.T) {
	t.Parallel()
	undated := time.Unix(1e9, 0)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	long := strings.Repeat("f", maxSerialHex)
	tests := []struct{ name, in, want, wantErr string }{
		{"empty", "", "", ""},
		{"comments", "# a\n\n  # b\r\n", "", ""},
		{"serial", "ab\n", "ab unspecified " + undated.UTC().Format(time.RFC3339), ""},
		{"all", "0xAB 2026-01-02T03:04:05Z keyCompromise # Bob's", "ab keyCompromise " + at.Format(time.RFC3339), ""},
		{"reason_only", "\ufeffab certificateHold\r\n", "ab certificateHold " + undated.UTC().Format(time.RFC3339), ""},
		{"negative", "-3039", "-3039 unspecified " + undated.UTC().Format(time.RFC3339), ""},
		{"long", long, long + " unspecified " + undated.UTC().Format(time.RFC3339), ""},
		{"too_long", long + "f", "", `f:1: "f`},
		{"no_hex", "ab\nxy\n", "", `f:2: "xy" is no serial number in hex`},
		{"sign_only", "-", "", `f:1: "-" is no serial number in hex`},
		{"two_signs", "--1", "", `f:1: "--1" is no serial number in hex`},
		{"reason", "ab gone", "", `f:1: "gone" is neither a time`},
		{"remove", "ab removeFromCRL", "", `f:1: "removeFromCRL" is neither a time`},
		{"date", "ab 2026-01-02", "", `f:1: "2026-01-02" is neither a time`},
		{"too_much", "ab 2026-01-02T03:04:05Z superseded Bob", "", `f:1: "Bob" is too much`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			all, err := parseRevoked("f", []byte(tt.in), undated)
			if tt.wantErr != "" || err != nil {
				if err == nil || tt.wantErr == "" || !strings.HasPrefix(err.Error(), tt.wantErr) {
					t.Errorf("got %v, want %q", err, tt.wantErr)
				}
				return
			}
			var got []string
			for _, r := range all {
				got = append(got, fmt.Sprintf("%s %v %s", formatSerial(r.Serial), r.Reason, r.At.UTC().Format(time.RFC3339)))
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("revocations (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRevokingAtOnce has many revoke at once: no line gets lost.
func TestRevokingAtOnce(t *testing.T) {
	t.Parallel()
	w := newLabWorld(t, pkiOCSPFlags{})
	var wg sync.WaitGroup
	for n := range int64(20) {
		wg.Go(func() {
			_, already, err := addRevocation(w.dir, lab.Revocation{Serial: big.NewInt(n), At: time.Unix(n, 0)})
			if already || err != nil {
				t.Errorf("addRevocation(%d): %v, %v", n, already, err)
			}
		})
	}
	wg.Wait()
	if err := w.responder.record.refresh(); err != nil {
		t.Fatal(err)
	}
	if got := len(w.responder.record.revocations.All()); got != 20 {
		t.Errorf("got %d revocations, want 20", got)
	}
	left, err := filepath.Glob(filepath.Join(w.dir, ".new-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("got %v, %v, want nothing left behind", left, err)
	}
}

// TestBrokenRecordIsToldOnce breaks what the CA remembers while its responder runs.
func TestBrokenRecordIsToldOnce(t *testing.T) {
	t.Parallel()
	w := newLabWorld(t, pkiOCSPFlags{})
	leaf := w.issue(t, 0xab)
	write := func(name, text string) {
		t.Helper()
		if err := replaceFile(filepath.Join(w.dir, name), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	write(revokedFile, "ab\n")
	request, err := ocsp.CreateRequest(leaf.Certificate, w.ca.Certificate, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask := func() string {
		w.log.Reset()
		w.ask("POST", "http://x/", request)
		out, err := io.ReadAll(w.log)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if got := ask(); got != "revoked ab\n" {
		t.Errorf("got %q, want revoked", got)
	}
	write(revokedFile, "zz\n") // as long as before
	write(issuedFile, "zz\n")
	if got := ask(); !strings.Contains(got, "revoked.txt:1: ") || !strings.Contains(got, "issued.txt:1: ") ||
		!strings.HasSuffix(got, "revoked ab\n") {
		t.Errorf("got %q, want both files named and revoked", got)
	}
	if got := ask(); got != "revoked ab\n" {
		t.Errorf("the second time: got %q, want revoked and no more", got)
	}
	write(revokedFile, "ac\n")
	if got := ask(); got != "good ab\n" {
		t.Errorf("repaired: got %q, want good", got)
	}
	write(issuedFile, "ad\n")
	if got := ask(); got != "unknown ab\n" {
		t.Errorf("issued no more: got %q, want unknown", got)
	}
	write(issuedFile, strings.Repeat("#", maxRecordFile+1))
	if got := ask(); !strings.Contains(got, "has more than 16777216 bytes") || !strings.HasSuffix(got, "unknown ab\n") {
		t.Errorf("too long: got %q", got)
	}
}
