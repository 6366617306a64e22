package strictyaml

import (
	"fmt"
	"strings"
	"unicode"
)

// maxNearestLength is the longest word, in bytes, for which Nearest looks: the comparison
// costs the product of both lengths.
const maxNearestLength = 64

// Nearest returns the entry of known that word is most likely a misspelling of, or "" if none
// is near. Of equally near ones the first wins.
func Nearest(word string, known []string) string {
	if word == "" || len(word) > maxNearestLength {
		return ""
	}
	best, bestDistance := "", 1+max(1, len(word)/3)
	for _, k := range known {
		if len(k) > maxNearestLength {
			continue
		}
		d := distance(strings.ToLower(word), strings.ToLower(k))
		if d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}

// DidYouMean returns "did you mean …?" with the entry of known nearest to word, or the list of
// what is known when it is short, or "".
func DidYouMean(word string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return `did you mean "` + near + `"?`
	}
	if n := len(known); n > 0 && n <= 12 {
		return "known here: " + strings.Join(known, ", ")
	}
	return ""
}

// maxQuoted is the longest word that is repeated without being near anything known, in bytes.
const maxQuoted = 24

// Quoted returns word in quotes with a blank before them, for a message that says it is none of
// known. A word that might be a secret in the wrong place (behind a missing colon, in a table
// whose columns are shifted) is not repeated, and "" is returned: what has anything but letters
// and underscores in it and is near nothing known. The message has a position anyway.
func Quoted(word string, known []string) string {
	plain := len(word) <= maxQuoted && !strings.ContainsFunc(word, func(r rune) bool {
		return r != '_' && !unicode.IsLetter(r)
	})
	if plain || !strings.ContainsAny(word, " \t\r\n") && Nearest(word, known) != "" {
		return fmt.Sprintf(" %q", word)
	}
	return ""
}

// distance is the number of insertions, deletions, substitutions and swaps of neighbours that
// turn a into b (optimal string alignment), counted in bytes.
func distance(a, b string) int {
	before, last, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(last[j]+1, cur[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, last, cur = last, cur, before
	}
	return last[len(b)]
}
