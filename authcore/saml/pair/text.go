package pair

import (
	"bytes"
	"html"
	"unicode/utf16"
	"unicode/utf8"
)

// maxTextBytes bounds a text that is read as a certificate or a key.
const maxTextBytes = 64 << 10

const (
	byteOrderMark    = '\uFEFF'
	maxEntityLetters = 10 // between & and ;
)

// A letter is a character of a text and where it stood at first.
type letter struct {
	r         rune
	line, col int32
}

func (l letter) place() place { return place{int(l.line), int(l.col)} }

// readText turns data, of at most maxTextBytes, into letters and undoes what editors, mail and
// web pages do to plain text, noting each.
func readText(data []byte, f *faults) []letter {
	runes := decodeUTF16(data)
	if runes != nil {
		f.add(UTF16, place{1, 1})
	} else {
		runes = []rune(string(data))
	}
	letters := locate(runes)
	if len(letters) > 0 && letters[0].r == byteOrderMark {
		if !f.has(UTF16) { // there it belongs
			f.add(BOM, place{1, 1})
		}
		letters = letters[1:]
	}
	letters = undoEntities(letters, f)
	letters = undoEscapes(letters, f)
	letters = undoReturns(letters, f)
	letters = undoMailQuotes(letters, f)
	return undoTypography(letters, f)
}

// decodeUTF16 returns the text if data is UTF-16, by its byte order mark or because every
// other byte is zero, and nil if it is not.
func decodeUTF16(data []byte) []rune {
	if len(data) < 2 {
		return nil
	}
	high := -1 // which byte of two is the high one
	switch {
	case data[0] == 0xFF && data[1] == 0xFE:
		high = 1
	case data[0] == 0xFE && data[1] == 0xFF:
		high = 0
	case len(data) < 8:
	case data[1]|data[3]|data[5]|data[7] == 0 && data[0] != 0:
		high = 1
	case data[0]|data[2]|data[4]|data[6] == 0 && data[1] != 0:
		high = 0
	}
	if high < 0 {
		return nil
	}
	units := make([]uint16, 0, len(data)/2)
	for pair := range bytesPairs(data) {
		units = append(units, uint16(pair[high])<<8|uint16(pair[1-high]))
	}
	return utf16.Decode(units)
}

// bytesPairs yields data two bytes at a time; an odd one at the end is left out.
func bytesPairs(data []byte) func(yield func([2]byte) bool) {
	return func(yield func([2]byte) bool) {
		for ; len(data) >= 2; data = data[2:] {
			if !yield([2]byte{data[0], data[1]}) {
				return
			}
		}
	}
}

// locate counts lines and columns. LF, CR and CRLF end a line.
func locate(runes []rune) []letter {
	letters := make([]letter, len(runes))
	line, col := int32(1), int32(1)
	for i, r := range runes {
		letters[i] = letter{r: r, line: line, col: col}
		col++
		if r == '\n' || r == '\r' && (i+1 == len(runes) || runes[i+1] != '\n') {
			line, col = line+1, 1
		}
	}
	return letters
}

// undoEntities replaces &#43; and the like, as web pages and XML have them.
func undoEntities(in []letter, f *faults) []letter {
	out := in[:0]
	for i := 0; i < len(in); i++ {
		l := in[i]
		if l.r == '&' {
			if r, n := entity(in[i:]); n > 0 {
				f.add(Entities, l.place())
				l.r = r
				i += n - 1
			}
		}
		out = append(out, l)
	}
	return out
}

// entity reads the entity that in begins with: what it stands for and how many letters it has,
// 0 if it is none.
func entity(in []letter) (rune, int) {
	var b []byte
	for i, l := range in {
		if i > maxEntityLetters+1 || l.r >= utf8.RuneSelf || l.r <= ' ' {
			return 0, 0
		}
		b = append(b, byte(l.r))
		if l.r != ';' {
			continue
		}
		text := html.UnescapeString(string(b))
		if r, size := utf8.DecodeRuneInString(text); size == len(text) && r != utf8.RuneError {
			return r, i + 1
		}
		return 0, 0
	}
	return 0, 0
}

// undoEscapes replaces \n, \r, \t and \/, as JSON and environment files have them, and drops
// other backslashes before a line break or a quotation mark.
func undoEscapes(in []letter, f *faults) []letter {
	out := in[:0]
	for i := 0; i < len(in); i++ {
		l := in[i]
		if l.r == '\\' && i+1 < len(in) {
			if r, ok := escaped(in[i+1].r); ok {
				f.add(Escapes, l.place())
				l.r = r
				i++
			}
		}
		out = append(out, l)
	}
	return out
}

func escaped(r rune) (rune, bool) {
	switch r {
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case '/', '"', '\'', '\n', '\r', '=', '+':
		return r, true
	}
	return 0, false
}

// undoReturns makes LF of CRLF and CR.
func undoReturns(in []letter, f *faults) []letter {
	out := in[:0]
	for i, l := range in {
		if l.r == '\r' {
			f.add(CRLF, l.place())
			if i+1 < len(in) && in[i+1].r == '\n' {
				continue
			}
			l.r = '\n'
		}
		out = append(out, l)
	}
	return out
}

// undoMailQuotes drops the > that mail programs put before every line of an answer.
func undoMailQuotes(in []letter, f *faults) []letter {
	starts := func(i int) bool { return i == 0 || in[i-1].r == '\n' }
	for i, l := range in {
		if starts(i) && l.r != '>' && l.r != '\n' {
			return in
		}
	}
	out := make([]letter, 0, len(in))
	for i, l := range in {
		switch {
		case starts(i) && l.r == '>':
			f.add(MailQuotes, l.place())
			continue
		case i > 0 && starts(i-1) && in[i-1].r == '>' && l.r == ' ':
			continue
		}
		out = append(out, l)
	}
	return out
}

// undoTypography drops quotation marks and characters that do not show, and makes plain ones
// of all spaces and line ends.
func undoTypography(in []letter, f *faults) []letter {
	out := in[:0]
	for _, l := range in {
		switch typographyOf(l.r) {
		case quote:
			f.add(Quotes, l.place())
			continue
		case smartQuote:
			f.add(SmartQuotes, l.place())
			continue
		case noWidth:
			f.add(Invisible, l.place())
			continue
		case oddSpace:
			f.add(Invisible, l.place())
			l.r = ' '
		case oddLineEnd:
			f.add(Invisible, l.place())
			l.r = '\n'
		}
		out = append(out, l)
	}
	return out
}

type typography uint8

const (
	plain typography = iota
	quote
	smartQuote
	noWidth
	oddSpace
	oddLineEnd
)

func typographyOf(r rune) typography {
	switch {
	case r == '"' || r == '\'' || r == '`':
		return quote
	case r < utf8.RuneSelf && r != '\v' && r != '\f':
		return plain
	case r >= 0x2018 && r <= 0x201F, r == '«', r == '»', r == '‹', r == '›', r == '´':
		return smartQuote
	case r >= 0x200B && r <= 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2060 && r <= 0x2064,
		r == byteOrderMark, r == 0x00AD:
		return noWidth
	case r == 0x00A0, r >= 0x2000 && r <= 0x200A, r == 0x202F, r == 0x205F, r == 0x3000,
		r == '\v', r == '\f':
		return oddSpace
	case r == 0x2028, r == 0x2029, r == 0x0085:
		return oddLineEnd
	}
	return plain
}

// isDash reports whether r is a dash, or what word processors make of hyphens.
func isDash(r rune) bool {
	return r == '-' || r >= 0x2010 && r <= 0x2015 || r == 0x2212 || r == 0xFE58 || r == 0xFF0D
}

func isBlank(r rune) bool { return r == ' ' || r == '\t' }

// isNothing reports whether data has nothing but white space.
func isNothing(data []byte) bool {
	data = bytes.TrimPrefix(data, []byte(string(byteOrderMark)))
	return len(bytes.TrimSpace(data)) == 0
}
