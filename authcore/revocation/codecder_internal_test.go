package revocation

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// parseUTCTime reads what cryptobyte reads, but for the forms that RFC 5280 §4.1.2.5.1 forbids.
func TestParseUTCTime(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"261003120000Z": true, "000101000000Z": true, "491231235959Z": true, "500101000000Z": true,
		"991231235959Z": true, "240229000000Z": true, "230229000000Z": false, "260631000000Z": false,
		"261301000000Z": false, "260001000000Z": false, "260100000000Z": false, "260132000000Z": false,
		"260101240000Z": false, "260101006000Z": false, "260101000060Z": false,
		"2610031200Z": false, "261003120000+0100": false, "261003120000": false, "": false,
		"26100312000/Z": false, "26100312000:Z": false, "2610031200 0Z": false, "-61003120000Z": false,
		"261003120000z": false, "261003120000ZZ": false,
	} {
		var b cryptobyte.Builder
		b.AddASN1(cbasn1.UTCTime, func(b *cryptobyte.Builder) { b.AddBytes([]byte(text)) })
		der := cryptobyte.String(b.BytesOrPanic())
		theirs := der
		got, gotOK := readTime(&der)
		if gotOK != ok {
			t.Errorf("readTime(%q): got ok %t, want %t", text, gotOK, ok)
		}
		want, wantOK := cryptobyteTime(&theirs)
		if ok && (!wantOK || !got.Equal(want)) {
			t.Errorf("readTime(%q): got %v, want %v", text, got, want)
		}
		if !ok && wantOK && len(text) == len("YYMMDDhhmmssZ") && strings.HasSuffix(text, "Z") {
			t.Errorf("readTime(%q): refused, cryptobyte reads %v", text, want)
		}
	}
}

func cryptobyteTime(s *cryptobyte.String) (t time.Time, ok bool) {
	ok = s.ReadASN1UTCTime(&t)
	return t, ok
}

func TestDotted(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		oidNonce: "1.3.6.1.5.5.7.48.1.2", oidReasonCode: "2.5.29.21", "": "oid:", "\x80": "oid:80",
		strings.Repeat("\x81", 40): "oid:" + strings.Repeat("81", 32) + "…",
	} {
		if got := dotted([]byte(content)); got != want {
			t.Errorf("dotted(%x): got %q, want %q", content, got, want)
		}
	}
}
