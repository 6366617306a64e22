package strictyaml_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/sync/strictyaml"
)

type account struct {
	Name   string   `yaml:"name"`
	Groups []string `yaml:"groups"`
}

// readAccounts writes down records and problems, one a line.
func readAccounts(r io.Reader) []string {
	var got []string
	for rec, problems := range strictyaml.Records[account](r) {
		for _, p := range problems {
			got = append(got, p.String())
		}
		if rec != nil && len(problems) == 0 {
			at := rec.Positions.Of("name")
			got = append(got, fmt.Sprintf("%s%v at %d:%d", rec.Value.Name, rec.Value.Groups, at.Line, at.Column))
		}
	}
	return got
}

func TestRecords(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"empty", "", nil},
		{"comments only", "# a\n\n---\n", nil},
		{"empty list", "[]\n", nil},
		{"plain", "# head\n---\n- name: a\n  groups: [x]\n\n# between\n- name: b\n-\n  name: c\n", []string{
			"a[x] at 3:9", "b[] at 7:9", "c[] at 9:9"}},
		{"indented", "  - name: a\n  - name: b\n", []string{"a[] at 1:11", "b[] at 2:11"}},
		{"nested dashes", "- name: a\n  groups:\n  - x\n  - y\n- name: b\n", []string{"a[x y] at 1:9", "b[] at 5:9"}},
		{"dash in block text", "- name: |\n    - no entry\n- name: b\n", []string{"- no entry\n[] at 1:9", "b[] at 3:9"}},
		{"BOM and CRLF", "\ufeff- name: a\r\n- name: b\r\n", []string{"a[] at 1:9", "b[] at 2:9"}},
		{"no newline at the end", "- name: a\n- name: b", []string{"a[] at 1:9", "b[] at 2:9"}},
		{"in brackets", "\n[{name: a},\n {name: b}]\n", []string{"a[] at 2:9", "b[] at 3:9"}},
		{"goes on behind a bad entry", "- name: a\n- nmae: b\n- name: [\n- name: c\n", []string{
			"a[] at 1:9", `2:3: unknown key "nmae" — did you mean "name"?`,
			"3:9: a [ that is never closed — add ]", "c[] at 4:9"}},
		{"not a list", "name: a\n", []string{`1:1: expected a list, found keys and values — begin every entry with "- "`}},
		{"entry without keys", "- a\n", []string{"1:3: expected keys and values, found text"}},
		{"empty entry", "-\n- name: b\n", []string{
			"1:3: no value — give one, or remove the line to have the default", "b[] at 2:9"}},
		{"second document", "- name: a\n---\n- name: b\n", []string{
			`2:1: a second YAML document — remove "---" and what follows`, "b[] at 3:9"}},
		{"tab", "- name: a\n\tgroups: [b]\n", []string{"2:1: a tab where YAML wants spaces — indent with spaces"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, readAccounts(strings.NewReader(tt.in))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// A list far longer than a document may be is read, for only one entry is held.
func TestRecordsLong(t *testing.T) {
	const entry, count = "- name: a\n  groups: [x, y]\n", 50_000
	n := 0
	for rec, problems := range strictyaml.Records[account](strings.NewReader(strings.Repeat(entry, count))) {
		if n++; rec == nil || len(problems) > 0 {
			t.Fatal(problems)
		}
	}
	if n != count {
		t.Errorf("%d entries, want %d", n, count)
	}
}

func TestRecordsBounds(t *testing.T) {
	for name, in := range map[string]string{
		"entry":    "- name: a\n" + strings.Repeat("  # x\n", strictyaml.MaxRecordBytes/4),
		"line":     "- name: " + strings.Repeat("x", strictyaml.MaxRecordBytes+1),
		"brackets": "[" + strings.Repeat("{name: a},\n", strictyaml.MaxDocumentBytes/10),
	} {
		if got := readAccounts(strings.NewReader(in)); len(got) != 1 {
			t.Errorf("%s: %d lines", name, len(got))
		}
	}
}

func TestRecordsReadError(t *testing.T) {
	r := io.MultiReader(strings.NewReader("- name: a\n- name"), errReader{})
	want := []string{"the file cannot be read"}
	if diff := cmp.Diff(want, readAccounts(r)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestRecordsStopEarly(t *testing.T) {
	for range strictyaml.Records[account](strings.NewReader("- name: a\n- name: b\n")) {
		break
	}
}

func FuzzRecords(f *testing.F) {
	for _, s := range []string{
		"- name: a\n  groups: [x]\n- name: b\n", "[{name: a}, {name: b}]", "\ufeff  - name: a\r\n",
		"- name: |\n    - x\n-\n", "---\n- a\n...\n", "# x\n- {name: \"\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		last := 0
		for rec, problems := range strictyaml.Records[account](strings.NewReader(string(data))) {
			if rec == nil && len(problems) == 0 {
				t.Error("neither record nor problem")
			}
			if rec != nil {
				at := rec.Positions.Of("").Line
				if at < last {
					t.Errorf("entry on line %d behind one on line %d", at, last)
				}
				last = at
			}
		}
	})
}
