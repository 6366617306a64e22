// Package accesspoint has what a person needs who sets an access point up: the settings for its
// make, lines that try it, and the shared secret as a QR code. All of it are values: pages and
// commands show them.
package accesspoint

import (
	"fmt"
	"strconv"
	"strings"

	"rsc.io/qr/coding"
)

const (
	// MaxQR bounds the text of a QR, in bytes.
	MaxQR = 256
	// quiet is the white margin that a reader needs, in modules: ISO/IEC 18004 §5.3.8.
	quiet = 4
)

// A QR is a QR code with its white margin. It is never changed.
type QR struct{ code *coding.Code }

// NewQR encodes text and nothing else, so that a quarter of the code may be dirty (level Q). The
// error says only how long the text is, which may be a secret.
func NewQR(text string) (*QR, error) {
	if len(text) > MaxQR {
		return nil, fmt.Errorf("a QR code of %d bytes: %d are the most", len(text), MaxQR)
	}
	var encoding coding.Encoding = coding.String(text)
	if coding.Alpha(text).Check() == nil {
		encoding = coding.Alpha(text) // half the size: the secrets that are made here are of capitals and digits
	}
	version := coding.Version(coding.MinVersion)
	for encoding.Bits(version) > version.DataBytes(coding.Q)*8 {
		version++ // far from the end, for text is short
	}
	plan, err := coding.NewPlan(version, coding.Q, 0)
	if err != nil {
		return nil, fmt.Errorf("planning a QR code of %d bytes: %w", len(text), err)
	}
	code, err := plan.Encode(encoding)
	if err != nil {
		return nil, fmt.Errorf("making a QR code of %d bytes", len(text))
	}
	return &QR{code}, nil
}

// Side is the length of a side with the margin, in modules.
func (q *QR) Side() int { return q.code.Size + 2*quiet }

// Black reports whether a module is black, counted from the corner of the margin. What is outside
// is white.
func (q *QR) Black(x, y int) bool { return q.code.Black(x-quiet, y-quiet) }

// Path is the black modules as the data of an SVG path, in modules: a rectangle for each run of a row.
func (q *QR) Path() string {
	var b strings.Builder
	for y := range q.Side() {
		for x := 0; x < q.Side(); x++ {
			from := x
			for q.Black(x, y) {
				x++
			}
			if run := strconv.Itoa(x - from); x > from {
				b.WriteString("M" + strconv.Itoa(from) + " " + strconv.Itoa(y) + "h" + run + "v1h-" + run + "z")
			}
		}
	}
	return b.String()
}

// Terminal is the code in half blocks, two modules in a character: black on white, whatever the
// colours of the terminal are.
func (q *QR) Terminal() string {
	var b strings.Builder
	for y := 0; y < q.Side(); y += 2 {
		b.WriteString("\x1b[30;47;107m") // 107 is the brighter white, where it is known
		for x := range q.Side() {
			upper, lower := q.Black(x, y), q.Black(x, y+1)
			switch {
			case upper && lower:
				b.WriteRune('█')
			case upper:
				b.WriteRune('▀')
			case lower:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteString("\x1b[0m\n")
	}
	return b.String()
}
