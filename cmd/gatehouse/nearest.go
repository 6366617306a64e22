package main

import (
	"fmt"
	"strings"
)

// maxWordLength bounds, in bytes, the words that nearest compares.
const maxWordLength = 64

// didYouMean returns "; did you mean …?" with the entry of known nearest to word, or "".
func didYouMean(word string, known []string) string {
	if near := nearest(word, known, max(1, len(word)/3)); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// nearest returns the entry of known that is the fewest edits, and at most limit, away from
// word, or "". Of equally near ones the first wins.
func nearest(word string, known []string, limit int) string {
	best, bestDistance := "", limit+1
	if len(word) > maxWordLength {
		return best
	}
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}

// distance is the number of insertions, deletions, substitutions and swaps of neighbours that
// turn a into b (optimal string alignment), in bytes.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
