package pair

import (
	"encoding/base64"
	"strings"
)

const (
	maxLineLetters = 76 // of base64; RFC 7468 §2 writes 64, RFC 2045 §6.8 at most 76
	minBareLetters = 64 // below, text without header and footer is not taken for base64
	base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	base64Unit     = 4
	maxStrayShare  = 8    // one of so many letters may be no base64 in text that is taken for it
	derStart       = "MI" // base64 of a SEQUENCE whose length has more than one byte
)

// A body is the base64 of a block.
type body struct {
	text      string // its letters of the base64 alphabet, with the padding it should have
	der       []byte // nil if text is not base64
	encrypted bool   // its headers say so (RFC 1421 §4.6.1.1)
}

// A line is one line of a body.
type line struct {
	letters []letter // without spaces at either end
	end     place    // of the line break, or of the last letter
}

// readBody reads the lines between a header and a footer.
func readBody(content []letter, f *faults) body {
	var b body
	raw, encrypted := withoutHeaders(splitLines(trimLineBreaks(content)))
	b.encrypted = encrypted
	lines := make([]line, len(raw))
	for i, l := range raw {
		lines[i] = trimLine(l, f)
	}
	checkLineLengths(lines, f)
	b.fill(lines, f)
	return b
}

// readLine reads base64 that stands alone in one line.
func readLine(content []letter, f *faults) body {
	var b body
	b.fill([]line{trimLine(line{letters: content}, f)}, f)
	return b
}

// trimLineBreaks drops the line break behind the header and the one before the footer.
func trimLineBreaks(letters []letter) []letter {
	if len(letters) > 0 && letters[0].r == '\n' {
		letters = letters[1:]
	}
	if len(letters) > 0 && letters[len(letters)-1].r == '\n' {
		letters = letters[:len(letters)-1]
	}
	return letters
}

func splitLines(letters []letter) []line {
	var lines []line
	start := 0
	for i, l := range letters {
		if l.r == '\n' {
			lines = append(lines, line{letters: letters[start:i], end: l.place()})
			start = i + 1
		}
	}
	if start == len(letters) {
		return lines
	}
	return append(lines, line{letters: letters[start:], end: letters[len(letters)-1].place()})
}

// withoutHeaders drops the headers of RFC 1421, which old encrypted keys have.
func withoutHeaders(lines []line) (rest []line, encrypted bool) {
	n := 0
	for ; n < len(lines); n++ {
		text := textOf(lines[n].letters)
		if !strings.Contains(text, ": ") {
			break
		}
		encrypted = encrypted || strings.Contains(text, "ENCRYPTED")
	}
	if n > 0 && n < len(lines) && allBlank(lines[n].letters) {
		n++
	}
	return lines[n:], encrypted
}

// trimLine drops spaces from both ends of a line and notes them.
func trimLine(l line, f *faults) line {
	ink := trimInk(l.letters)
	if n := len(l.letters); n > 0 {
		if isBlank(l.letters[0].r) {
			f.add(SpacesBefore, l.letters[0].place())
		}
		if len(ink) > 0 && isBlank(l.letters[n-1].r) {
			f.add(SpacesAfter, l.letters[n-1].place())
		}
	}
	l.letters = ink
	return l
}

// checkLineLengths finds line breaks that are missing, and those that are too many: all lines
// but the last have one length.
func checkLineLengths(lines []line, f *faults) {
	longest, total := 0, 0
	lengths := make([]int, len(lines))
	for i, l := range lines {
		lengths[i] = countBase64(l.letters)
		total += lengths[i]
		if longest = max(longest, lengths[i]); longest > maxLineLetters {
			f.add(LineBreaksMissing, l.letters[0].place())
			return
		}
	}
	if longest == 0 || len(lines) <= (total+longest-1)/longest {
		return // a line that is short without another to make up for it lost characters
	}
	for i, l := range lines[:len(lines)-1] {
		if lengths[i] < longest {
			f.add(LineBreaksInside, l.end)
			return
		}
	}
}

func countBase64(letters []letter) int {
	n := 0
	for _, l := range letters {
		if l.r < 0x80 && strings.ContainsRune(base64Alphabet+"-_=", l.r) {
			n++
		}
	}
	return n
}

// fill gathers the base64 of lines and decodes it.
func (b *body) fill(lines []line, f *faults) {
	var text strings.Builder
	var last place
	padding, broken := 0, false
	for _, line := range lines {
		for _, l := range line.letters {
			if isBlank(l.r) {
				f.add(SpacesInside, l.place())
				continue
			}
			last = l.place()
			if l.r == '=' {
				padding++
				continue
			}
			if r := toBase64(l, f); r != 0 {
				broken = broken || padding > 0
				text.WriteRune(r)
			}
		}
	}
	b.text = text.String()
	missing := (base64Unit - len(b.text)%base64Unit) % base64Unit
	if b.text == "" || broken || missing == base64Unit-1 {
		return // nothing has this length, or = stands in the middle
	}
	if padding != missing {
		f.add(Padding, last)
	}
	if der, err := base64.RawStdEncoding.DecodeString(b.text); err == nil {
		b.der = der
	}
	b.text += strings.Repeat("=", missing)
}

// toBase64 returns the letter of the base64 alphabet that l stands for, or 0 if there is none.
func toBase64(l letter, f *faults) rune {
	switch {
	case l.r == '-':
		f.add(Base64URL, l.place())
		return '+'
	case l.r == '_':
		f.add(Base64URL, l.place())
		return '/'
	case l.r < 0x80 && strings.ContainsRune(base64Alphabet, l.r):
		return l.r
	}
	f.add(Characters, l.place())
	return 0
}

// isBase64 reports whether text without header and footer can be meant as base64 of DER, of
// which all that has more than 127 bytes begins with MI.
func isBase64(letters []letter) bool {
	var first strings.Builder
	ink, stray := 0, 0
	for _, l := range letters {
		switch {
		case isBlank(l.r) || l.r == '\n':
			continue
		case l.r >= 0x80 || !strings.ContainsRune(base64Alphabet+"-_=", l.r):
			stray++
		case first.Len() < len(derStart):
			first.WriteRune(l.r)
		}
		ink++
	}
	return first.String() == derStart && ink >= minBareLetters && stray*maxStrayShare <= ink
}
