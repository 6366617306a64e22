package pair

import (
	"crypto/x509"
	"encoding/base64"
	"time"
)

// edgeLetters are shown of either end of a certificate's base64. The first ones are only the
// header of the DER and the version, which fresh certificates share; the last ones differ.
const edgeLetters = 12

// Facts are what people recognise a certificate by.
type Facts struct {
	SHA256    string    `json:"sha256"` // of the DER, lower hex
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	First     string    `json:"first"`  // 12 characters of the base64
	Last      string    `json:"last"`   // 12 characters of the base64, padding included
	Length    int       `json:"length"` // of the base64, in characters
	Subject   string    `json:"subject"`
}

// FactsOf describes a certificate.
func FactsOf(c *x509.Certificate) Facts {
	line := base64.StdEncoding.EncodeToString(c.Raw)
	first, last := edges(line)
	return Facts{
		SHA256: Fingerprint(c), NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		First: first, Last: last, Length: len(line), Subject: shortened(c.Subject.String()),
	}
}

// edges returns both ends of a base64 text.
func edges(line string) (first, last string) {
	return line[:min(edgeLetters, len(line))], line[max(len(line)-edgeLetters, 0):]
}

// shortened bounds and cleans a name that strangers wrote.
func shortened(name string) string {
	const most = 128
	out := make([]rune, 0, most)
	for _, r := range name {
		if len(out) == most-1 {
			return string(append(out, '…'))
		}
		if r < ' ' || r == 0x7F || typographyOf(r) == noWidth || typographyOf(r) == oddLineEnd {
			r = '�'
		}
		out = append(out, r)
	}
	return string(out)
}
