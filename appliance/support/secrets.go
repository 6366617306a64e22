package support

import (
	"bytes"
	"encoding/json"
	"html"
	"net/url"
	"sort"
	"strings"
)

// Redacted stands where a secret stood.
const Redacted = "[redacted]"

// minSecret is the length, in bytes, below which a secret is not looked for: what is shorter stands
// in every text by chance, and the outline of the configuration does not show it anyway.
const minSecret = 4

// Secrets are values that may stand in no archive. The zero value is none.
type Secrets struct {
	forms map[string]bool
}

// Add adds values, in every form in which a text may hold them.
func (s *Secrets) Add(values ...string) {
	if s.forms == nil {
		s.forms = map[string]bool{}
	}
	for _, v := range values {
		if len(v) < minSecret {
			continue
		}
		quoted, err := json.Marshal(v)
		if err == nil {
			s.forms[strings.Trim(string(quoted), `"`)] = true
		}
		s.forms[v] = true
		s.forms[html.EscapeString(v)] = true
		s.forms[url.QueryEscape(v)] = true
	}
}

// Remove returns text without the secrets: the longest first, for one may hold another.
func (s *Secrets) Remove(text []byte) []byte {
	if s == nil {
		return text
	}
	forms := make([]string, 0, len(s.forms))
	for f := range s.forms {
		forms = append(forms, f)
	}
	sort.Slice(forms, func(i, j int) bool {
		return len(forms[i]) > len(forms[j]) || len(forms[i]) == len(forms[j]) && forms[i] < forms[j]
	})
	for _, f := range forms {
		if bytes.Contains(text, []byte(f)) {
			text = bytes.ReplaceAll(text, []byte(f), []byte(Redacted))
		}
	}
	return text
}

// HostOf returns the scheme and the host of an address, and hides the rest: a path or a query is how
// many services know who may call them.
func HostOf(address string) string {
	if address == "" {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" || u.Hostname() == "" {
		return Redacted
	}
	return u.Scheme + "://" + u.Host + "/" + Redacted
}
