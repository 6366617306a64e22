package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatehouse/authcore/pki/lab"
)

// The files in which the directory of a lab CA remembers.
const (
	issuedFile  = "issued.txt"
	revokedFile = "revoked.txt"
)

const issuedHeader = `# What this lab CA has issued: serial number in hex, time, name. To gatehouse pki ocsp any other
# serial number is unknown; without this file every serial number counts as issued.
`

const revokedHeader = `# What this lab CA has revoked: SERIAL-HEX [RFC 3339 time] [reason]. Take a line out, and the
# certificate is good again. gatehouse pki ocsp looks here before each answer.
`

const (
	maxRecordFile = 16 << 20 // bytes
	maxSerialHex  = 256      // digits; RFC 5280 §4.1.2.2 allows 40
)

// parseSerial reads a serial number in hex as programs print it: with 0x, colons and a minus
// sign, or without.
func parseSerial(s string) (*big.Int, error) {
	digits, negative := strings.CutPrefix(s, "-")
	digits = strings.ReplaceAll(strings.TrimPrefix(strings.ToLower(digits), "0x"), ":", "")
	if digits == "" || len(digits) > maxSerialHex || strings.Trim(digits, "0123456789abcdef") != "" {
		return nil, fmt.Errorf("%q is no serial number in hex", s)
	}
	n, ok := new(big.Int).SetString(digits, 16)
	if !ok {
		return nil, fmt.Errorf("%q is no serial number in hex", s)
	}
	if negative {
		n.Neg(n)
	}
	return n, nil
}

func formatSerial(n *big.Int) string { return n.Text(16) }

// eachRecord calls each with the words of every line that has any, up to the first error, which
// gets the line's place. What follows a # is for people.
func eachRecord(path string, data []byte, each func(words []string) error) error {
	text := strings.TrimPrefix(string(data), "\ufeff")
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := each(words); err != nil {
			return fmt.Errorf("%s:%d: %w", path, n, err)
		}
	}
	return nil
}

// parseRevoked reads revoked.txt. Lines without a time were revoked at undated.
func parseRevoked(path string, data []byte, undated time.Time) ([]lab.Revocation, error) {
	var all []lab.Revocation
	err := eachRecord(path, data, func(words []string) error {
		r, err := parseRevocation(words)
		if r.At.IsZero() {
			r.At = undated
		}
		all = append(all, r)
		return err
	})
	return all, err
}

func parseRevocation(words []string) (lab.Revocation, error) {
	serial, err := parseSerial(words[0])
	if err != nil {
		return lab.Revocation{}, err
	}
	r, words := lab.Revocation{Serial: serial}, words[1:]
	if len(words) > 0 {
		if at, err := time.Parse(time.RFC3339, words[0]); err == nil {
			r.At, words = at, words[1:]
		}
	}
	if len(words) > 0 {
		if r.Reason, err = parseReason(words[0]); err != nil {
			return lab.Revocation{}, err
		}
		words = words[1:]
	}
	if len(words) > 0 {
		return lab.Revocation{}, fmt.Errorf("%q is too much: SERIAL-HEX [RFC 3339 time] [reason]", words[0])
	}
	return r, nil
}

// parseReason reads the reason of a revocation.
func parseReason(word string) (lab.Reason, error) {
	known := lab.ReasonWords()
	r, ok := lab.ParseReason(word)
	if !ok || !slices.Contains(known, word) {
		return 0, fmt.Errorf("%q is neither a time (RFC 3339) nor a reason (known: %s)%s",
			word, strings.Join(known, ", "), didYouMean(word, known))
	}
	return r, nil
}

// parseIssued reads issued.txt: the serial numbers, in decimal.
func parseIssued(path string, data []byte) (map[string]bool, error) {
	issued := map[string]bool{}
	err := eachRecord(path, data, func(words []string) error {
		serial, err := parseSerial(words[0])
		if err != nil {
			return err
		}
		issued[serial.String()] = true
		return nil
	})
	return issued, err
}

// issuedLine is the line of issued.txt about one certificate.
func issuedLine(serial *big.Int, name string, now time.Time) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '#' {
			return '_'
		}
		return r
	}, name)
	return fmt.Sprintf("%s %s %s\n", formatSerial(serial), now.UTC().Format(time.RFC3339), name)
}

// recordIssued remembers what the CA in dir issues, if it keeps a record.
func recordIssued(dir string, serial *big.Int, name string) (err error) {
	path := filepath.Join(dir, issuedFile)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return unreadable(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteString(issuedLine(serial, name, time.Now())); err != nil {
		return unreadable(err)
	}
	return nil
}

// readRecord reads a file of a record and tells which version of it that was; one that is not
// there is empty, with a nil info.
func readRecord(path string) ([]byte, fs.FileInfo, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	} else if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	var data bytes.Buffer
	if _, err := io.Copy(&data, io.LimitReader(f, maxRecordFile+1)); err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if data.Len() > maxRecordFile {
		return nil, info, fmt.Errorf("%s: has more than %d bytes", path, maxRecordFile)
	}
	return data.Bytes(), info, nil
}
