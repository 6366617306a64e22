// Package support packs what somebody far away needs to find a fault, and nothing that opens a
// door: the configuration as an outline, and everything else with the known secrets taken out. It
// writes to a stream, is bounded in bytes, and knows nothing of the appliance.
package support

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"time"
)

// The bounds of an archive, in bytes before compression.
const (
	MaxPart = 1 << 20
	maxAll  = 12 << 20
	// longestSecret is how much is dropped where a part was cut.
	longestSecret = 8 << 10
	// maxParts bounds the files in it.
	maxParts = 400
)

// A Part is one file of an archive.
type Part struct {
	Name string
	// Write writes it; what goes beyond MaxPart is cut. Its error is noted in the archive.
	Write func(w io.Writer) error
}

// Text is a Part that is known already.
func Text(name, text string) Part {
	return Part{name, func(w io.Writer) error { _, err := io.WriteString(w, text); return err }}
}

// Write packs parts as a compressed tar archive in which no secret stands. What cannot be made, or
// not before ctx ends, is named in it. An error is w's.
func Write(ctx context.Context, w io.Writer, parts []Part, secrets *Secrets, now time.Time) error {
	packed := gzip.NewWriter(w)
	archive := tar.NewWriter(packed)
	left := maxAll
	for i, p := range parts {
		text := []byte("left out: time was up\n")
		switch {
		case i >= maxParts:
			text = fmt.Appendf(nil, "left out with all that follows: more than %d files\n", maxParts)
		case left <= 0:
			text = []byte("left out: the archive is large enough\n")
		case ctx.Err() == nil:
			text = p.make(min(MaxPart, left), secrets)
		}
		left -= len(text)
		header := &tar.Header{Name: "gatehouse-support/" + p.Name, Mode: 0o600, Size: int64(len(text)),
			ModTime: now.Truncate(time.Second), Typeflag: tar.TypeReg}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(text); err != nil {
			return err
		}
		if i >= maxParts {
			break
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return packed.Close()
}

// make returns the part with at most limit bytes. A secret is looked for before anything is cut.
func (p Part) make(limit int, secrets *Secrets) []byte {
	b := &bounded{limit: MaxPart}
	if err := p.Write(b); err != nil {
		fmt.Fprintf(&b.Buffer, "\nnot complete: %v\n", err)
	}
	text := secrets.Remove(b.Bytes())
	if b.cut { // the last secret may have been cut in two, so that it was not found
		text = text[:max(0, len(text)-longestSecret)]
	}
	if len(text) > limit {
		b.cut, text = true, text[:limit:limit]
	}
	if b.cut {
		text = append(text, "\ncut here\n"...)
	}
	return text
}

// bounded keeps the first bytes of what is written.
type bounded struct {
	bytes.Buffer
	limit int
	cut   bool
}

func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - b.Len()
	if room < len(p) {
		b.cut = true
		if room > 0 {
			_, _ = b.Buffer.Write(p[:room]) // to memory
		}
		return len(p), nil
	}
	return b.Buffer.Write(p)
}
