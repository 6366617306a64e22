package strictyaml_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/sync/strictyaml"
)

const byHand = `# The Wi-Fi of the branch; ask Kari before changing it.
match: {ssid: [corp]}   # not the guests
authentication:
  method: passwordless
  # both until the merger is through
  ca:
    - acme # ours
    - globalsign
  mfa: none

clients:
  # ground floor
  - {name: ap1, address: 192.0.2.1, secret: 'it''s # secret', coa: {port: 3799}} # by the lift
  - name: ap2   # first floor
    address: "192.0.2.2"
    secret: |
      two
      lines
    allow_pap: true

  # roof
  - {name: 'ap 3', address: 2001:db8::/64, secret: "x\"y"}
reply:
  - {groups: [guests], vlan: "30"}
# the end
`

type fields = strictyaml.Fields

func set(value any, path ...string) strictyaml.Change {
	return strictyaml.Change{Path: path, Value: value}
}

// TestEditChangesNothingElse: the difference, line by line.
func TestEditChangesNothingElse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		changes []strictyaml.Change
		want    string // lines that go, with -, and come, with +
	}{
		{"nothing", nil, ""},
		{"as_it_is", []strictyaml.Change{set("passwordless", "authentication", "method"), set([]string{"acme", "globalsign"}, "authentication", "ca"),
			set("it's # secret", "clients", "ap1", "secret"), set(nil, "users")}, ""},
		{"word", []strictyaml.Change{set("totp", "authentication", "mfa")}, "-  mfa: none\n+  mfa: totp\n"},
		{"new_key", []strictyaml.Change{set(true, "authentication", "allow_password")}, "+  allow_password: true\n"},
		{"new_keys_at_the_end", []strictyaml.Change{set([]string{"staff", "x y"}, "users", "groups")}, "+users: {groups: [staff, \"x y\"]}\n"},
		{"list_grows", []strictyaml.Change{set([]string{"acme", "globalsign", "new"}, "authentication", "ca")}, "+    - new\n"},
		{"list_shrinks", []strictyaml.Change{set([]string{"acme"}, "authentication", "ca")}, "-    - globalsign\n"},
		{"list_turns_over", []strictyaml.Change{set([]string{"new"}, "authentication", "ca")}, "-    - acme # ours\n-    - globalsign\n+    - new\n"},
		{"list_empties", []strictyaml.Change{set([]string{}, "authentication", "ca")}, "-  ca:\n-    - acme # ours\n-    - globalsign\n+  ca: []\n"},
		{"flow_list", []strictyaml.Change{set([]string{"corp", "lab"}, "match", "ssid")},
			"-match: {ssid: [corp]}   # not the guests\n+match: {ssid: [corp, lab]}   # not the guests\n"},
		{"flow_mapping", []strictyaml.Change{set("10.0.0.0/8", "clients", "ap1", "address"), set(nil, "clients", "ap1", "coa"), set(false, "clients", "ap1", "allow_pap")},
			"-  - {name: ap1, address: 192.0.2.1, secret: 'it''s # secret', coa: {port: 3799}} # by the lift\n" +
				"+  - {name: ap1, address: 10.0.0.0/8, secret: 'it''s # secret', allow_pap: false} # by the lift\n"},
		{"block_item", []strictyaml.Change{set("fd00::/8", "clients", "ap2", "address"), set("a, b", "clients", "ap2", "secret"), set(nil, "clients", "ap2", "allow_pap")},
			"-    address: \"192.0.2.2\"\n-    secret: |\n-      two\n-      lines\n-    allow_pap: true\n" +
				"+    address: \"fd00::/8\"\n+    secret: \"a, b\"\n"},
		{"rename", []strictyaml.Change{set("first", "clients", "ap2", "name")}, "-  - name: ap2   # first floor\n+  - name: first   # first floor\n"},
		{"add_item", []strictyaml.Change{set(strictyaml.Item{{"name", "ap4"}, {"address", "192.0.2.4"}, {"secret", "0123"}}, "clients", "ap4")},
			"+  - {name: ap4, address: 192.0.2.4, secret: \"0123\"}\n"},
		{"replace_item", []strictyaml.Change{set(strictyaml.Item{{"name", "ap 3"}, {"address", "192.0.2.4"}}, "clients", "ap 3")},
			"-  - {name: 'ap 3', address: 2001:db8::/64, secret: \"x\\\"y\"}\n+  - {name: \"ap 3\", address: 192.0.2.4}\n"},
		{"remove_items", []strictyaml.Change{set(nil, "clients", "ap1"), set(nil, "clients", "ap2")},
			"-  - {name: ap1, address: 192.0.2.1, secret: 'it''s # secret', coa: {port: 3799}} # by the lift\n" +
				"-  - name: ap2   # first floor\n-    address: \"192.0.2.2\"\n-    secret: |\n-      two\n-      lines\n-    allow_pap: true\n"},
		{"remove_all_items", []strictyaml.Change{set(nil, "clients", "ap1"), set(nil, "clients", "ap2"), set(nil, "clients", "ap 3")},
			"-clients:\n-  - {name: ap1, address: 192.0.2.1, secret: 'it''s # secret', coa: {port: 3799}} # by the lift\n" +
				"-  - name: ap2   # first floor\n-    address: \"192.0.2.2\"\n-    secret: |\n-      two\n-      lines\n-    allow_pap: true\n" +
				"-  - {name: 'ap 3', address: 2001:db8::/64, secret: \"x\\\"y\"}\n+clients: []\n"},
		{"remove_key", []strictyaml.Change{set(nil, "match")}, "-match: {ssid: [corp]}   # not the guests\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := strictyaml.Edit([]byte(byHand), tt.changes...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, lineDiff(byHand, string(got))); diff != "" {
				t.Errorf("(-want +got)\n%s\n%s", diff, got)
			}
		})
	}
}

// lineDiff returns the lines that only a has, with -, and those that only b has, with +.
func lineDiff(a, b string) string {
	count := map[string]int{}
	for line := range strings.Lines(b) {
		count[line]++
	}
	var gone, come strings.Builder
	left := map[string]int{}
	for line := range strings.Lines(a) {
		if count[line] == 0 {
			gone.WriteString("-" + line)
			continue
		}
		count[line]--
		left[line]++
	}
	for line := range strings.Lines(b) {
		if left[line] == 0 {
			come.WriteString("+" + line)
			continue
		}
		left[line]--
	}
	return gone.String() + come.String()
}

// TestEditWhole compares all of what comes out, of short texts.
func TestEditWhole(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		change   strictyaml.Change
		want     string
	}{
		{"empty", "", set("v", "k"), "k: v\n"},
		{"comment_only", "# hand", set("v", "k"), "# hand\nk: v\n"},
		{"no_line_break", "a: 1", set("v", "k"), "a: 1\nk: v\n"},
		{"nothing_behind_colon", "a:\nb: 1\n", set("v", "a"), "a: v\nb: 1\n"},
		{"null_in_words", "a: null # none\n", set([]string{"x"}, "a"), "a: [x] # none\n"},
		{"deeper", "a: # here\nb: 1\n", set("v", "a", "c", "d"), "a: {c: {d: v}} # here\nb: 1\n"},
		{"flow_document", "{a: 1}", set("v", "k"), "{a: 1, k: v}"},
		{"flow_empties", "{a: 1}", set(nil, "a"), "{}"},
		{"flow_first", "{a: 1, b: 2}", set(nil, "a"), "{b: 2}"},
		{"flow_last", "{a: 1, b: 2}", set(nil, "b"), "{a: 1}"},
		{"empty_flow", "a: {}\n", set("v", "a", "b"), "a: {b: v}\n"},
		{"flow_lines", "a: [\n  x, # one\n  y,\n]\n", set([]string{"x", "y", "z"}, "a"), "a: [\n  x, # one\n  y, z,\n]\n"},
		{"first_behind_dash", "l:\n- name: n\n  k: 1\n  j: 2\n", set(nil, "l", "n", "name"), "l:\n- k: 1\n  j: 2\n"},
		{"user_name", "l:\n- {username: n, k: 1} # x\n- {username: m, k: 1}\n", set("2", "l", "m", "k"), "l:\n- {username: n, k: 1} # x\n- {username: m, k: \"2\"}\n"},
		{"name_before_user_name", "l:\n- {username: m, name: n, k: 1}\n- {username: n, k: 1}\n", set("x", "l", "n", "k"), "l:\n- {username: m, name: n, k: x}\n- {username: n, k: 1}\n"},
		{"dash_at_the_left", "l:\n- name: n\n  k: 1\n", set(strictyaml.Item{{"name", "m"}}, "l", "m"), "l:\n- name: n\n  k: 1\n- {name: m}\n"},
		{"grows_an_item", "l:\n- name: n # x\n", set(3, "l", "n", "k"), "l:\n- name: n # x\n  k: 3\n"},
		{"no_list_yet", "a: 1\n", set(strictyaml.Item{{"name", "m"}}, "l", "m"), "a: 1\nl: [{name: m}]\n"},
		{"empty_list", "l: [] # none yet\n", set(strictyaml.Item{{"name", "m"}}, "l", "m"), "l: [{name: m}] # none yet\n"},
		{"CRLF", "a: 1\r\nb: 2\r\n", set("v", "k"), "a: 1\r\nb: 2\r\nk: v\r\n"},
		{"CRLF_value", "a: x\r\nb: 2\r\n", set("v", "a"), "a: v\r\nb: 2\r\n"},
		{"BOM", "\ufeffa: x\n", set("v", "a"), "\ufeffa: v\n"},
		{"umlauts", "ä: ö # ü\nb: {ä: ö, c: x}\n", set("v", "b", "c"), "ä: ö # ü\nb: {ä: ö, c: v}\n"},
		{"marker", "---\na: 1\n", set("v", "k"), "---\na: 1\nk: v\n"},
		{"literal_last", "a:\n  b: |\n    x\n\n    y\n\n# c\n", set("v", "a", "c"), "a:\n  b: |\n    x\n\n    y\n  c: v\n\n# c\n"},
		{"number_to_text", "a: 5\n", set("5", "a"), "a: \"5\"\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := strictyaml.Edit([]byte(tt.in), tt.change)
			if diff := cmp.Diff(tt.want, string(got)); err != nil || diff != "" {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
		})
	}
}

// TestEditGivesUp rather than write what nobody wanted.
func TestEditGivesUp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		change   strictyaml.Change
	}{
		{"order", "a: [x, y]\n", set([]string{"y", "x"}, "a")},
		{"comments_inside", "a:\n  b: 1 # one\n  c: 2\n", set("v", "a")},
		{"lines_without_quotes", "a: one\n  two\nb: 1\n", set("v", "a")},
		{"no_mapping", "a: 1\n", set("v", "a", "b")},
		{"no_such_item", "l: [{name: x}]\n", set("v", "l", "y", "k")},
		{"item_into_mapping", "l: {name: x}\n", set(strictyaml.Item{{"name", "y"}}, "l", "y")},
		{"list_of_texts", "l: [a]\n", set(strictyaml.Item{{"name", "y"}}, "l", "y", "z")},
		{"document_is_a_list", "- a\n", set("v", "k")},
		{"no_path", "a: 1\n", set("v")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, err := strictyaml.Edit([]byte(tt.in), tt.change); !errors.Is(err, strictyaml.ErrByHand) || got != nil {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	var syntax *strictyaml.SyntaxError
	if _, err := strictyaml.Edit([]byte("a: [b"), set("v", "k")); !errors.As(err, &syntax) {
		t.Errorf("no YAML: %v", err)
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	got := strictyaml.Print(fields{
		{"authentication", fields{{"method", "passwordless"}, {"ca", []string{"acme", "two words", "no", "12"}}}},
		{"clients", []strictyaml.Fields{{{"name", "ap1"}, {"address", "192.0.2.0/24"}, {"secret", "a\"\\\n\u202e\U0001f600 é"}, {"port", 5}, {"on", true}}}},
		{"none", []strictyaml.Fields{}}, {"empty", fields{}}, {"text", ""},
	})
	want := `authentication:
  method: passwordless
  ca: [acme, "two words", "no", "12"]
clients:
  - {name: ap1, address: 192.0.2.0/24, secret: "a\"\\\u000a\u202e\U0001f600 é", port: 5, on: true}
none: []
empty: {}
text: ""
`
	if diff := cmp.Diff(strings.ReplaceAll(want, ", on: true", `, "on": true`), string(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var back struct {
		Authentication struct {
			Method string   `yaml:"method"`
			CA     []string `yaml:"ca"`
		} `yaml:"authentication"`
		Clients []struct {
			Name    string `yaml:"name"`
			Address string `yaml:"address"`
			Secret  string `yaml:"secret"`
			Port    int    `yaml:"port"`
			On      bool   `yaml:"on"`
		} `yaml:"clients"`
		None  []string `yaml:"none"`
		Empty struct{} `yaml:"empty"`
		Text  string   `yaml:"text"`
	}
	if _, problems := strictyaml.Decode(got, &back); len(problems) > 0 || len(back.Clients) != 1 ||
		back.Clients[0].Secret != "a\"\\\n\u202e\U0001f600 é" || len(back.Authentication.CA) != 4 {
		t.Errorf("read back: %+v, %v", back, problems)
	}
}

// FuzzEdit: what it writes says what was asked for, and keeps every comment line that it does not
// remove; or it writes nothing.
func FuzzEdit(f *testing.F) {
	for _, path := range []string{"k", "authentication/ca", "clients/ap1/secret", "clients/ap2", "a/b", "match/ssid"} {
		for kind := range 6 {
			f.Add(byHand, path, "x: y # z", byte(kind))
		}
	}
	f.Add("a: {b: [1, 2], 'c': \"d\"}", "a/b", "v", byte(0))
	f.Add("\ufeffa:\r\n  - b\r\n", "a", "v", byte(2))
	f.Fuzz(func(t *testing.T, in, path, text string, kind byte) {
		c := strictyaml.Change{Path: strings.Split(path, "/")}
		switch kind % 6 {
		case 0:
			c.Value = text
		case 1:
			c.Value = true
		case 2:
			c.Value = []string{text, "w"}
		case 3:
			c.Value = strictyaml.Item{{"name", c.Path[len(c.Path)-1]}, {"k", text}}
		case 4:
			c.Value = fields{{"k", text}, {"l", fields{}}}
		}
		before := []byte(in)
		got, err := strictyaml.Edit(before, c)
		if string(before) != in {
			t.Error("the input was written to")
		}
		if err != nil {
			return
		}
		again, err := strictyaml.Edit(got, c)
		if err != nil || string(again) != string(got) {
			t.Errorf("once more: %q, %v; %q", again, err, got)
		}
		if c.Value == nil {
			return
		}
		for line := range strings.Lines(in) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "#") && !strings.Contains(in, "|") && !strings.Contains(in, ">") && !strings.Contains(string(got), line) &&
				!strings.ContainsAny(in, `"'`) {
				t.Errorf("the comment %q is lost: %q", line, got)
			}
		}
	})
}
