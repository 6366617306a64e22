package load

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"gatehouse/sync/strictyaml"
)

// plainLists are files of which at least the first entry is written plainly.
var plainLists = []string{
	"- {username: anna, email: anna@acme.example, groups: [staff, sales], vlan: \"20\"}\n" +
		"- {username: bob}\n",
	"- username: anna\n  email: 'anna@acme.example'\n  groups: [staff]\n  name: Anna van Dijk\n- username: bob\n",
	"# staff\n---\n\n- username: anna\n  groups:\n  - staff\n  - sales\n  aliases:\n      - a@acme.example\n" +
		"      - \"b@acme.example\"\n  state: active\n\n\n- username: bob",
	"- {username: a, groups: [], name: \"\"}\n- {username: b,  groups: [ x , y ] }\n",
	"- password: $2a$10$abc.def/x\n  nt_hash: a1b2\n  username: x\n",
	"- {username: anna}\n- {username: anna, name: a b, unknown: 1}\n- username: [1]\n- {username: c}\n",
}

// strictLists are files of which no entry is.
var strictLists = []string{
	"", "\n", "# none\n", "[{username: x}]", " - {username: x}\n", "\ufeff- {username: x}\n", "- - x\n",
	"- username: 12\n", "- username: true\n- username: Null\n- username: x # y\n", "- username: é\n",
	"- username: a\n  username: b\n", "- username:\n", "- groups:\n", "- groups:\n  - a\n   - b\n",
	"- groups:\n- username: b\n", "- {username: a,}\n", "- {}\n", "- {username: a\n}\n", "- {username:a}\n",
	"- username: a\n    email: b\n", "- username: a\n email: b\n", "- username: a\n\n  email: b\n",
	"- username: a \n", "- username: a\r\n", "- username: \"a\\n\"\n", "- username: 'a''b'\n", "- username: \"a\" b\n",
	"- username: a: b\n", "- username: a #b\n", "- username: &a b\n", "- username: - a\n", "- username: a\n---\n",
	"-\n  username: a\n", "-\tusername: a\n", "- ? username\n", "- username: |\n    a\n", "- username: a\nrest\n",
	"- username: [a]\n", "- groups: a\n", "- {groups: [a,]}\n", "- {groups: [[a]]}\n", "- {groups: [a b: c]}\n",
	"- username: \"a\n    b\"\n", "-  username: a\n", "- username:  a\n   email: b\n",
}

// TestPlainEntries reads files both ways, and wants nearly everything of the plain ones taken.
func TestPlainEntries(t *testing.T) {
	for _, list := range plainLists {
		var u userYAML
		if text, _, p := strictyaml.NewEntries(strings.NewReader(list)).Next(); p != nil || !plainEntry(text, &u) {
			t.Errorf("not taken as plain: %q of %q (%v)", text, list, p)
		}
		sameRecords(t, list)
	}
	for _, list := range strictLists {
		sameRecords(t, list)
	}
}

// TestPlainListLimits has entries, lines and prefaces that are too long, and a file that breaks.
func TestPlainListLimits(t *testing.T) {
	long := strings.Repeat("x", strictyaml.MaxRecordBytes)
	entry := "- {username: x}\n"
	for _, list := range []string{
		entry + "- {username: " + long + "}\n" + entry,
		entry + "- username: y\n" + strings.Repeat("  # more\n", strictyaml.MaxRecordBytes/8) + entry,
		entry + strings.Repeat("\n", strictyaml.MaxRecordBytes) + entry,
		strings.Repeat("# preface\n", strictyaml.MaxRecordBytes/8) + entry,
		long,
	} {
		sameRecords(t, list)
	}
	want, got := describeRecords(strictly(broken(entry))), describeRecords(yamlRecords(broken(entry)))
	if diff := cmp.Diff(want, got); diff != "" || !strings.Contains(got, "cannot be read") {
		t.Errorf("a file that breaks (-want +got)\n%s", diff)
	}
}

func broken(text string) io.Reader {
	return io.MultiReader(strings.NewReader(text), iotest.ErrReader(io.ErrUnexpectedEOF))
}

// FuzzPlainEntries reads whatever it is both ways.
func FuzzPlainEntries(f *testing.F) {
	for _, list := range append(plainLists, strictLists...) {
		f.Add(list)
	}
	f.Fuzz(sameRecords)
}

// sameRecords wants what strictyaml alone makes of list.
func sameRecords(t *testing.T, list string) {
	t.Helper()
	want := describeRecords(strictly(strings.NewReader(list)))
	got := describeRecords(yamlRecords(strings.NewReader(list)))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%q (-strictyaml +got)\n%s", list[:min(len(list), 500)], diff)
	}
}

// strictly reads a list without a shortcut.
func strictly(r io.Reader) records {
	return func(yield func(*userRecord, []strictyaml.Problem) bool) {
		for rec, problems := range strictyaml.Records[userYAML](r) {
			var u *userRecord
			if rec != nil {
				u = &userRecord{userYAML: rec.Value, at: rec.Positions.Of}
			}
			if !yield(u, problems) {
				return
			}
		}
	}
}

func describeRecords(all records) string {
	var b strings.Builder
	for u, problems := range all {
		if u == nil {
			fmt.Fprintf(&b, "nothing")
		} else {
			fmt.Fprintf(&b, "%d: %q", u.at("").Line, u.userYAML)
			for _, key := range append(userKeys, "", "groups[0]", "groups[1]", "aliases[0]") {
				fmt.Fprintf(&b, " %v", u.at(key))
			}
		}
		fmt.Fprintf(&b, " %v\n", problems)
	}
	return b.String()
}
