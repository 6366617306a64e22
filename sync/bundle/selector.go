package bundle

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// A Node is who asks: node in gatehouse.yaml.
type Node struct {
	ID     string
	Labels map[string]string
}

// A Selector says for which gateways a bundle is: those named, and those that carry all of the
// labels. An empty one is for every gateway.
type Selector struct {
	IDs    []string          `json:"ids,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
}

// Matches reports whether the bundle is for n.
func (s Selector) Matches(n Node) bool {
	if len(s.IDs) == 0 && len(s.Labels) == 0 || n.ID != "" && slices.Contains(s.IDs, n.ID) {
		return true
	}
	for key, value := range s.Labels {
		if have, ok := n.Labels[key]; !ok || have != value {
			return false
		}
	}
	return len(s.Labels) > 0
}

// normalise gives s the one form that it has in a manifest.
func (s *Selector) normalise() {
	s.IDs = slices.Compact(slices.Sorted(slices.Values(s.IDs)))
	if len(s.Labels) == 0 {
		s.Labels = nil
	}
}

func (s Selector) check() error {
	if len(s.IDs) > MaxEntries || len(s.Labels) > 100 {
		return errors.New("selector is too large")
	}
	for _, id := range s.IDs {
		if id == "" || !isText(id, 253, "") {
			return errors.New("selector: a gateway's id is not usable")
		}
	}
	for key, value := range s.Labels {
		if key == "" || !isText(key, 253, "") || !isText(value, 253, "") {
			return errors.New("selector: a label is not usable")
		}
	}
	return nil
}

// parseVersion reads "1.4.0", with or without a "v" before and a suffix ("-rc1", "+dirty")
// behind it. Nil: it is none.
func parseVersion(s string) []int {
	s = strings.TrimPrefix(s, "v")
	if i := strings.IndexAny(s, "-+"); i >= 0 {
		s = s[:i]
	}
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return nil
	}
	var out []int
	for _, part := range parts {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return nil
		}
		out = append(out, int(n))
	}
	return out
}

// olderThan reports whether version have is before version want. Missing parts are zero.
func olderThan(have, want []int) bool {
	for len(have) < len(want) {
		have = append(have, 0)
	}
	return slices.Compare(have, want) < 0
}
