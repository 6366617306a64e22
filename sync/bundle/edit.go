package bundle

import (
	"bytes"
	"strings"

	"gatehouse/sync/strictyaml"
)

// maxEscape is how many bytes an escape (\U0001F600) takes for one of what it stands for, at most.
const maxEscape = 10

// replaceSpots puts references in the places of secrets: secret: "…" becomes secret_ref: NAME,
// and nothing else of the file is touched, comments neither. refs holds the reference of every
// spot. The error names a spot that is not written on one line in a way that is understood.
func replaceSpots(data []byte, spots []spot, refs map[spot]string) ([]byte, error) {
	lines := bytes.SplitAfter(data, []byte("\n"))
	// From behind, so that what stands before on a line stays where it is.
	for i := len(spots) - 1; i >= 0; i-- {
		s := spots[i]
		ref, wanted := refs[s]
		if !wanted {
			continue
		}
		cannot := malformed(SourceBad, "%s: this cannot be replaced: write key and value on one line, "+
			"the value in quotes", s.where())
		if s.at.Line < 1 || s.at.Line > len(lines) {
			return nil, cannot
		}
		line, ok := replaceOnLine(string(lines[s.at.Line-1]), s, ref)
		if !ok {
			return nil, cannot
		}
		lines[s.at.Line-1] = []byte(line)
	}
	return bytes.Join(lines, nil), nil
}

// replaceOnLine replaces "KEY: VALUE" where the value begins at s.
func replaceOnLine(line string, s spot, ref string) (string, bool) {
	runes := []rune(line)
	start := s.at.Column - 1
	if start < 0 || start > len(runes) {
		return "", false
	}
	before, rest := string(runes[:start]), string(runes[start:])
	key := strings.TrimRight(before, " ")
	gap := before[len(key):]
	key, colon := strings.CutSuffix(key, ":")
	head, found := cutKey(key, s.key)
	length := scalarLength(rest, s.text)
	if !colon || !found || length < 0 {
		return "", false
	}
	base := strings.TrimSuffix(strings.TrimSuffix(s.key, "_file"), "_ref")
	return head + base + "_ref:" + gap + ref + rest[length:], true
}

// cutKey cuts key, which may be in quotes, off the end of text.
func cutKey(text, key string) (head string, ok bool) {
	for _, quoted := range []string{`"` + key + `"`, "'" + key + "'", key} {
		if head, ok := strings.CutSuffix(text, quoted); ok {
			last := head[max(0, len(head)-1):]
			return head, last == "" || strings.Contains(" {,-", last)
		}
	}
	return "", false
}

// scalarLength returns how many bytes of text are the YAML scalar that says value; -1 if there
// is none that does. Of all prefixes the longest wins that reads as value and ends where a
// scalar may end.
func scalarLength(text, value string) int {
	text = strings.TrimRight(text, "\r\n")
	for n := min(len(text), maxEscape*len(value)+2); n > 0; n-- {
		after := text[n:]
		ends := after == "" || strings.ContainsAny(after[:1], ",}] \t")
		if ends && text[n-1] != ' ' && saysValue(text[:n], value) {
			return n
		}
	}
	return -1
}

// saysValue asks the decoder, for nobody else knows all of YAML's quoting.
func saysValue(scalar, value string) bool {
	var v struct {
		Value string `yaml:"v"`
	}
	if strings.Contains(scalar, " #") && scalar[0] != '"' && scalar[0] != '\'' {
		return false // a comment would count as part of it
	}
	_, problems := strictyaml.Decode([]byte("v: "+scalar+"\n"), &v)
	return len(problems) == 0 && v.Value == value
}
