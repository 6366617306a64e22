package pair_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/saml/pair"
)

// TestSA21KeyPrintsNothing prints keys, pairs, slots, sets and steps in every way that
// somebody might.
func TestSA21KeyPrintsNothing(t *testing.T) {
	t.Parallel()
	p := newPair(t, 0, certOptions{})
	set := pair.Set{App: "mail", Active: pair.Slot{Certificate: p.Certificate, Key: p.Key}}
	change, err := set.Regenerate(func(string, time.Time) (*pair.Pair, error) {
		return newPair(t, 1, certOptions{}), nil
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	things := []any{
		p.Key, *p.Key, p, *p, set, &set, set.Active, set.Active.Key, change, change.Ops,
		change.Ops[0], &change.Ops[0], set.Status(now), change.Set.Next,
	}
	var out strings.Builder
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b", "%o", "%t"} {
		for _, thing := range things {
			fmt.Fprintf(&out, format, thing)
		}
	}
	for _, thing := range things {
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "thing", thing)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "thing", thing)
		if data, err := json.Marshal(thing); err == nil {
			out.Write(data)
		}
	}
	leaks(t, out.String(), rsaKeys[0](), rsaKeys[1]())
	for _, op := range change.Ops { // the bytes of what is written, as numbers
		if len(op.Data()) > 40 && strings.Contains(out.String(), strings.Trim(fmt.Sprint(op.Data()[40:60]), "[]")) {
			t.Errorf("the data of %s is printed", op)
		}
	}
	if n := strings.Count(out.String(), "redacted"); n < 10 {
		t.Errorf("got %d times \"redacted\": is anything printed?", n)
	}
}
