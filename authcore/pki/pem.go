package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	maxPEMBytes   = 1 << 20 // of one file
	maxPEMBlocks  = 512     // in one file
	beginMarker   = "-----BEGIN "
	endMarker     = "-----END "
	markerTrailer = "-----"
)

// A PEMError says where a PEM file cannot be read. Block counts from 1, Line from 1 (the line
// of the block's BEGIN); both are 0 if the file as a whole is at fault.
type PEMError struct {
	Block, Line int
	Text        string
}

func (e *PEMError) Error() string {
	if e.Block == 0 {
		return e.Text
	}
	return fmt.Sprintf("block %d (line %d): %s", e.Block, e.Line, e.Text)
}

// ParseCertificates reads the certificates of a PEM file in their order. CRLF, a byte order
// mark, indentation and text between the blocks are tolerated. Anything else that is PEM is an
// error, above all a private key, which has no business in a file of certificates. At most
// 1 MiB and 512 blocks are read. Every error is a *PEMError.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	blocks, err := splitPEM(data)
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	for _, b := range blocks {
		if text := notACertificate(b.Type); text != "" {
			return nil, b.errorf("%s", text)
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, b.errorf("the certificate cannot be read: %s", plainX509(err))
		}
		certs = append(certs, c)
	}
	if len(certs) == 0 {
		return nil, &PEMError{Text: "there is no certificate in it"}
	}
	return certs, nil
}

// notACertificate says what a PEM block of the given type is, if it is no certificate.
func notACertificate(blockType string) string {
	switch {
	case blockType == "CERTIFICATE" || blockType == "X509 CERTIFICATE":
		return ""
	case strings.HasSuffix(blockType, "PRIVATE KEY"):
		return "this is a private key: it does not belong in a file of certificates; take it out, and if others could read it, replace it"
	case blockType == "TRUSTED CERTIFICATE":
		return "this is OpenSSL's own TRUSTED CERTIFICATE form: convert it with `openssl x509`"
	case strings.HasSuffix(blockType, "CERTIFICATE REQUEST"):
		return "this is a certificate request, not a certificate: have the CA sign it first"
	case blockType == "PKCS7" || blockType == "CMS":
		return "this is a PKCS #7 bundle: convert it with `openssl pkcs7 -print_certs`"
	}
	return fmt.Sprintf("this is %q, not a certificate", printable(blockType))
}

// plainX509 drops the package prefix of an error of crypto/x509.
func plainX509(err error) string {
	return printable(strings.TrimPrefix(err.Error(), "x509: "))
}

// pemBlock is a PEM block with its place in the file.
type pemBlock struct {
	*pem.Block
	number, line int
}

func (b pemBlock) errorf(format string, args ...any) *PEMError {
	return &PEMError{Block: b.number, Line: b.line, Text: fmt.Sprintf(format, args...)}
}

// splitPEM finds the blocks of a PEM file. Unlike pem.Decode it does not pass over a damaged
// block in silence.
func splitPEM(data []byte) ([]pemBlock, error) {
	if err := checkText(data); err != nil {
		return nil, err
	}
	var (
		blocks []pemBlock
		open   pemBlock
		text   strings.Builder
	)
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(strings.TrimPrefix(line, "\uFEFF"))
		begins := strings.HasPrefix(line, beginMarker)
		switch {
		case begins && open.number > len(blocks):
			return nil, open.errorf("the block has no END before the next BEGIN")
		case begins:
			open = pemBlock{number: len(blocks) + 1, line: i + 1}
			text.Reset()
		case open.number <= len(blocks):
			continue // text between blocks
		}
		text.WriteString(line + "\n")
		if !strings.HasPrefix(line, endMarker) {
			continue
		}
		if open.Block, _ = pem.Decode([]byte(text.String())); open.Block == nil {
			return nil, open.errorf("the block is damaged: its base64 or its END line is wrong")
		}
		if blocks = append(blocks, open); len(blocks) > maxPEMBlocks {
			return nil, open.errorf("there are more than %d blocks in the file", maxPEMBlocks)
		}
	}
	if open.number > len(blocks) {
		return nil, open.errorf("the block has no END line: is the file cut short?")
	}
	return blocks, nil
}

// checkText refuses what cannot be PEM and says what it is instead.
func checkText(data []byte) error {
	switch {
	case len(data) > maxPEMBytes:
		return &PEMError{Text: fmt.Sprintf("the file has %d bytes; at most %d are read", len(data), maxPEMBytes)}
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}) || bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		return &PEMError{Text: "the file is UTF-16 text: save it as UTF-8 or ASCII"}
	case len(data) > 1 && data[0] == 0x30 && (data[1] >= 0x80 || !utf8.Valid(data)):
		if _, err := x509.ParseCertificate(data); err == nil {
			return &PEMError{Text: "this is a certificate in DER form, PEM is needed: convert it with `openssl x509 -inform der`"}
		}
		return &PEMError{Text: "this is a binary (DER) file, PEM is needed: convert it with `openssl x509`, `openssl pkey` or `openssl pkcs12`"}
	}
	return nil
}
