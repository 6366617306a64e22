package pair

import (
	"bytes"
	"regexp"
	"strings"
)

const (
	labelCertificate = "CERTIFICATE"
	beginMarker      = "-----BEGIN "
	endMarker        = "-----END "
	markerTail       = "-----"
	maxMarkers       = 128 // what follows counts as text after the last footer
)

// markerPattern finds headers and footers in whatever state they are: anywhere in a line, in
// lower case, with dashes missing, broken over two lines, or with their label cut short.
var markerPattern = regexp.MustCompile(`(?i)-*[ \t]*\b(BEGIN|END)[ \t\n]*` +
	`((?:[A-Z0-9]+[ \t]+){0,3}?(?:CERTIFICATE[ \t\n]*REQUEST|CERTIFICATE|PRIVATE[ \t\n]*KEY|` +
	`PUBLIC[ \t\n]*KEY|PKCS7|CMS|CRL|PARAMETERS))[ \t]*-*` +
	`|-{2,}[ \t]*(BEGIN|END)\b([A-Z0-9 ]{0,40})-*`)

// A marker is a header or a footer.
type marker struct {
	begins     bool
	label      string // in capitals and single spaces
	start, end int    // of its letters
	exact      bool   // spelt as RFC 7468 §2 has it
}

// A block is what stands between a header and a footer, or where one of them is missing.
type block struct {
	label string // "" for base64 without header and footer
	at    place  // of the header, or of the body if there is none
	body  body
}

func (b *block) isKey() bool { return strings.Contains(b.label, "PRIVATE") }

// isCertificate takes a label that was cut short for what it was.
func (b *block) isCertificate() bool {
	return b.label == labelCertificate || b.label == "X509 CERTIFICATE" ||
		strings.HasPrefix(labelCertificate, b.label)
}

// A document is a text taken apart.
type document struct {
	letters []letter
	faults  *faults
	blocks  []block
}

// readDocument takes text of at most maxTextBytes apart, tolerating and noting every defect.
func readDocument(data []byte, part Part) *document {
	d := &document{faults: &faults{part: part}}
	d.letters = readText(data, d.faults)
	markers := findMarkers(d.letters)
	if len(markers) == 0 {
		d.readBare()
		return d
	}
	for i := range markers {
		d.checkMarker(&markers[i])
	}
	if first := markers[0]; first.begins {
		d.checkBefore(first.start)
	}
	if last := markers[len(markers)-1]; !last.begins {
		d.checkAfter(last.end)
	}
	d.pairUp(markers)
	return d
}

// findMarkers returns the headers and footers in their order.
func findMarkers(letters []letter) []marker {
	ascii := make([]byte, len(letters)) // a byte a letter, so that offsets are the same
	for i, l := range letters {
		switch {
		case isDash(l.r):
			ascii[i] = '-'
		case l.r < 0x80:
			ascii[i] = byte(l.r)
		}
	}
	var markers []marker
	for _, m := range markerPattern.FindAllSubmatchIndex(ascii, maxMarkers) {
		group := func(n int) string {
			if m[2*n] < 0 {
				return ""
			}
			return string(ascii[m[2*n]:m[2*n+1]])
		}
		k := marker{start: m[0], end: m[1]}
		k.begins = strings.EqualFold(group(1)+group(3), "BEGIN")
		k.label = strings.ToUpper(strings.Join(strings.Fields(group(2)+group(4)), " "))
		k.exact = k.spelling() == textOf(letters[k.start:k.end])
		if isMarker(ascii, m[0], m[1]) {
			markers = append(markers, k)
		}
	}
	return markers
}

// isMarker tells a marker from a sentence about certificates: it has dashes, or a line for
// itself.
func isMarker(ascii []byte, start, end int) bool {
	if bytes.IndexByte(ascii[start:end], '-') >= 0 {
		return true
	}
	return (start == 0 || ascii[start-1] == '\n') && (end == len(ascii) || ascii[end] == '\n')
}

func (k *marker) spelling() string {
	if k.begins {
		return beginMarker + k.label + markerTail
	}
	return endMarker + k.label + markerTail
}

// isKnown reports whether the label is whole.
func (k *marker) isKnown() bool {
	return k.label == labelCertificate || strings.HasSuffix(k.label, "PRIVATE KEY")
}

func textOf(letters []letter) string {
	var b strings.Builder
	for _, l := range letters {
		b.WriteRune(l.r)
	}
	return b.String()
}

// checkMarker looks at the spelling of a header or footer and at what shares its line.
func (d *document) checkMarker(k *marker) {
	at := d.letters[k.start].place()
	if !k.exact {
		d.faults.misspelt(k, at, strings.Contains(textOf(d.letters[k.start:k.end]), "\n"))
	}
	if before := d.lineBefore(k.start); before != nil && !k.begins && !allBlank(before) {
		d.faults.add(LineBreaksMissing, at)
	} else if before != nil && allBlank(before) {
		d.faults.add(SpacesBefore, before[0].place())
	}
	after := d.lineAfter(k.end)
	switch {
	case len(after) == 0:
	case allBlank(after):
		d.faults.add(SpacesAfter, after[0].place())
	case k.begins:
		d.faults.add(LineBreaksMissing, after[0].place())
	}
}

// misspelt notes a header or footer that is not as it should be; broken: over two lines.
func (f *faults) misspelt(k *marker, at place, broken bool) {
	code, what := Footer, "footer"
	if k.begins {
		code, what = Header, "header"
	}
	if broken {
		f.add(LineBreaksInside, at).Text = "a line break inside the " + what
		return
	}
	n := f.add(code, at)
	if k.isKnown() {
		n.Text = "the " + what + " is not spelt " + k.spelling()
	}
}

// lineBefore is what stands before letter i in its line.
func (d *document) lineBefore(i int) []letter {
	start := i
	for start > 0 && d.letters[start-1].r != '\n' {
		start--
	}
	if start == i {
		return nil
	}
	return d.letters[start:i]
}

// lineAfter is what stands from letter i on in its line.
func (d *document) lineAfter(i int) []letter {
	end := i
	for end < len(d.letters) && d.letters[end].r != '\n' {
		end++
	}
	return d.letters[i:end]
}

func allBlank(letters []letter) bool {
	for _, l := range letters {
		if !isBlank(l.r) && l.r != '\n' {
			return false
		}
	}
	return true
}

// firstInk is the first letter that is not white space.
func firstInk(letters []letter) (place, bool) {
	for _, l := range letters {
		if !isBlank(l.r) && l.r != '\n' {
			return l.place(), true
		}
	}
	return place{}, false
}

// checkBefore looks at what stands before the first header.
func (d *document) checkBefore(end int) {
	if at, ok := firstInk(d.letters[:end]); ok {
		d.faults.add(TextOutside, at)
	} else if end > 0 && !d.faults.has(SpacesBefore) {
		d.faults.add(SpacesBefore, d.letters[0].place())
	}
}

// checkAfter looks at what stands behind the last footer, where one line break belongs.
func (d *document) checkAfter(start int) {
	rest := d.letters[start:]
	if at, ok := firstInk(rest); ok {
		d.faults.add(TextOutside, at)
	} else if len(rest) > 1 && !d.faults.has(SpacesAfter) {
		d.faults.add(SpacesAfter, rest[1].place())
	}
}

// pairUp makes blocks of headers and footers; one that lacks its other half is noted.
func (d *document) pairUp(markers []marker) {
	var open *marker
	last := 0 // where the last block ended
	for i := range markers {
		k := &markers[i]
		switch {
		case k.begins && open != nil:
			d.faults.add(Footer, d.letters[k.start].place()).Text = "the footer is missing"
			d.close(open.label, open.start, d.letters[open.end:k.start])
			open = k
		case k.begins:
			open = k
		case open == nil:
			d.faults.add(Header, d.letters[last].place()).Text = "the header is missing"
			d.close(k.label, last, d.letters[last:k.start])
		default:
			if k.label != open.label && k.exact && open.exact {
				d.faults.add(Footer, d.letters[k.start].place()).Text = "the footer does not say what the header says"
			}
			d.close(open.label, open.start, d.letters[open.end:k.start])
			open = nil
		}
		last = k.end
	}
	if open != nil {
		d.faults.add(Footer, d.letters[len(d.letters)-1].place()).Text = "the footer is missing: is the text cut short?"
		d.close(open.label, open.start, d.letters[open.end:])
	}
}

// close adds a block, whose header or body begins at letter start.
func (d *document) close(label string, start int, content []letter) {
	b := block{label: label, at: d.letters[start].place()}
	b.body = readBody(content, d.faults)
	d.blocks = append(d.blocks, b)
}

// readBare takes a text without header and footer for base64 if it can be that.
func (d *document) readBare() {
	at, ok := firstInk(d.letters)
	content := trimInk(d.letters)
	if !ok || !isBase64(content) {
		return
	}
	multiline := strings.Contains(textOf(content), "\n")
	if multiline {
		d.faults.add(Header, at).Text = "the header is missing"
		d.faults.add(Footer, content[len(content)-1].place()).Text = "the footer is missing"
	} else {
		d.faults.add(OneLine, at)
	}
	if first := d.letters[0]; at != first.place() {
		d.faults.add(SpacesBefore, first.place())
	}
	end := len(d.letters) - 1 // a last line break is as it should be
	if d.letters[end].r != '\n' {
		end++
	}
	if rest := d.letters[:end]; allBlank(rest[len(rest)-1:]) {
		d.faults.add(SpacesAfter, rest[len(rest)-1].place())
	}
	b := block{at: at}
	if multiline {
		b.body = readBody(content, d.faults)
	} else {
		b.body = readLine(content, d.faults)
	}
	d.blocks = append(d.blocks, b)
}

// trimInk drops white space from both ends.
func trimInk(letters []letter) []letter {
	for len(letters) > 0 && allBlank(letters[:1]) {
		letters = letters[1:]
	}
	for len(letters) > 0 && allBlank(letters[len(letters)-1:]) {
		letters = letters[:len(letters)-1]
	}
	return letters
}
