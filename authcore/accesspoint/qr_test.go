package accesspoint_test

import (
	"fmt"
	"strings"
	"testing"

	"rsc.io/qr"

	"gatehouse/authcore/accesspoint"
)

// made is a secret as they are made here.
const made = "ABCDEFGHIJKLMNOPQRSTUVWX27"

func newQR(t *testing.T, text string) *accesspoint.QR {
	t.Helper()
	q, err := accesspoint.NewQR(text)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// TestQRIsTheLibrarys: every module is as the library says, in every rendering, and around them is
// a margin of four.
func TestQRIsTheLibrarys(t *testing.T) {
	t.Parallel()
	for _, text := range []string{made, "A", "typed by hand: # ø", strings.Repeat("z", accesspoint.MaxQR)} {
		q := newQR(t, text)
		want, err := qr.Encode(text, qr.Q)
		if err != nil {
			t.Fatal(err)
		}
		if q.Side() != want.Size+8 {
			t.Fatalf("%q: the side is %d, want %d and the margin", text, q.Side(), want.Size)
		}
		path, terminal := pathModules(t, q), terminalModules(t, q)
		for y := -1; y <= q.Side(); y++ {
			for x := -1; x <= q.Side(); x++ {
				at, black := [2]int{x, y}, want.Black(x-4, y-4)
				if q.Black(x, y) != black || path[at] != black || terminal[at] != black {
					t.Fatalf("%q: module %v is %v, in the path %v, in the terminal %v, want %v",
						text, at, q.Black(x, y), path[at], terminal[at], black)
				}
			}
		}
	}
}

// pathModules draws the path, as SVG says it is drawn.
func pathModules(t *testing.T, q *accesspoint.QR) map[[2]int]bool {
	t.Helper()
	black := map[[2]int]bool{}
	for _, r := range strings.Split(strings.TrimSuffix(q.Path(), "z"), "z") {
		var x, y, run, back int
		if _, err := fmt.Sscanf(r, "M%d %dh%dv1h-%d", &x, &y, &run, &back); err != nil || run != back {
			t.Fatalf("%q: %v", r, err)
		}
		for i := range run {
			black[[2]int{x + i, y}] = true
		}
	}
	return black
}

func terminalModules(t *testing.T, q *accesspoint.QR) map[[2]int]bool {
	t.Helper()
	black := map[[2]int]bool{}
	for i, line := range strings.Split(strings.TrimSuffix(q.Terminal(), "\n"), "\n") {
		line, begun := strings.CutPrefix(line, "\x1b[30;47;107m")
		line, ended := strings.CutSuffix(line, "\x1b[0m")
		if row := []rune(line); !begun || !ended || len(row) != q.Side() {
			t.Fatalf("line %d is %q", i, line)
		}
		for x, r := range []rune(line) {
			black[[2]int{x, 2 * i}] = r == '█' || r == '▀'
			black[[2]int{x, 2*i + 1}] = r == '█' || r == '▄'
		}
	}
	return black
}

// TestQRIsSmall: a page carries it.
func TestQRIsSmall(t *testing.T) {
	t.Parallel()
	if q := newQR(t, made); q.Side() != 33 || len(q.Path()) > 5000 {
		t.Errorf("side %d, path of %d bytes", q.Side(), len(q.Path()))
	}
}

// TestQRRefuses what is too long, without saying it.
func TestQRRefuses(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("secret", 100)
	q, err := accesspoint.NewQR(text)
	if q != nil || err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, %v", q, err)
	}
}

func FuzzQR(f *testing.F) {
	f.Add(made)
	f.Add("")
	f.Add("\x00\xff")
	f.Fuzz(func(t *testing.T, text string) {
		q, err := accesspoint.NewQR(text)
		if (err == nil) != (len(text) <= accesspoint.MaxQR) {
			t.Fatalf("%d bytes: %v", len(text), err)
		}
		if err == nil && !q.Black(4, 4) {
			t.Error("there is no corner")
		}
	})
}
