package pki

import (
	"strings"
	"testing"
)

func TestReadNameConstraintsRefuses(t *testing.T) {
	t.Parallel()
	const email = "\x81\x01a"
	tests := map[string]string{
		"empty":            "",
		"no_sequence":      "\x04\x00",
		"trailing":         "\x30\x00\x00",
		"unknown_tag":      "\x30\x02\xA2\x00",
		"wrong_order":      "\x30\x04\xA1\x00\xA0\x00",
		"subtree_no_seq":   "\x30\x05\xA0\x03" + email,
		"minimum":          "\x30\x0A\xA0\x08\x30\x06" + email + "\x80\x01\x01",
		"maximum":          "\x30\x0A\xA0\x08\x30\x06" + email + "\x81\x01\x05",
		"bad_general_name": "\x30\x07\xA0\x05\x30\x03\x99\x01a",
		"bad_directory":    "\x30\x07\xA0\x05\x30\x03\xA4\x01a",
		"cut_short":        "\x30\x07\xA0\x05\x30\x03\x81\x02",
	}
	for name, in := range tests {
		if nc, err := readNameConstraints([]byte(in)); err == nil {
			t.Errorf("readNameConstraints(%s): got %+v, want an error", name, nc)
		}
	}
}

func TestReadNameConstraintsSpeltOutMinimum(t *testing.T) {
	t.Parallel()
	nc, err := readNameConstraints([]byte("\x30\x0A\xA0\x08\x30\x06\x81\x01a\x80\x01\x00"))
	if err != nil || len(nc.permitted) != 1 || string(nc.permitted[0].Value) != "a" {
		t.Errorf("got %+v and %v, want one constraint", nc, err)
	}
}

func TestCanonicalNameIgnoresSpelling(t *testing.T) {
	t.Parallel()
	cn := func(tag byte, value string) []byte {
		inner := "\x06\x03\x55\x04\x03" + string([]byte{tag, byte(len(value))}) + value
		pair := "\x30" + string([]byte{byte(len(inner))}) + inner
		set := "\x31" + string([]byte{byte(len(pair))}) + pair
		return []byte("\x30" + string([]byte{byte(len(set))}) + set)
	}
	utf8 := cn(12, "acme  ca")
	for name, other := range map[string][]byte{
		"printable": cn(19, "ACME CA"), "bmp": cn(30, "\x00A\x00c\x00m\x00e\x00 \x00C\x00A"), "teletex": cn(20, " Acme CA "),
	} {
		if !sameName(utf8, other) {
			t.Errorf("%s: got different names, want the same", name)
		}
	}
	if sameName(utf8, cn(12, "acmeca")) || sameName(utf8, cn(4, "acme ca")) {
		t.Error("got the same name, want different ones")
	}
	if sameName([]byte("\x30\x01"), []byte("\x30\x02")) {
		t.Error("two malformed names count as the same")
	}
}

func FuzzNameConstraints(f *testing.F) {
	f.Add([]byte("\x30\x0A\xA0\x08\x30\x06\x81\x01a\x80\x01\x00"), []byte("\x30\x05\x81\x03a@b"))
	f.Add([]byte("\x30\x0E\xA1\x0C\x30\x0A\x87\x08"+strings.Repeat("\xFF", 8)), []byte("\x30\x06\x87\x04abcd"))
	f.Add([]byte("\x30\x06\xA0\x04\x30\x02\xA4\x00"), []byte("\x30\x02\xA4\x00"))
	f.Fuzz(func(t *testing.T, constraints, alternative []byte) {
		nc, err := readNameConstraints(constraints)
		names, err2 := parseGeneralNames(alternative)
		if err != nil || err2 != nil {
			return
		}
		var trees []subtree
		for _, n := range names {
			tree := subtree{GeneralName: n}
			if n.Form == DirectoryName {
				if tree.parts, err = canonicalName(n.Value); err != nil {
					t.Errorf("canonicalName: %v, but the name was read before", err)
				}
			}
			trees = append(trees, tree)
			_ = tree.show()
		}
		budget := maxComparisons
		first := nc.violation(trees, &budget)
		budget = maxComparisons
		if again := nc.violation(trees, &budget); again != first {
			t.Errorf("got %q, then %q", first, again)
		}
		if len(nc.permitted)+len(nc.excluded) == 0 && first != "" {
			t.Errorf("got %q from no constraints", first)
		}
	})
}
