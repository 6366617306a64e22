package bundle

import "fmt"

// A Class says what kind of refusal an Error is. Its value is the exit code of the command line.
type Class int

// The classes.
const (
	Malformed Class = 3 // it cannot be read, or is not as the format wants it
	Untrusted Class = 6 // signature, hash or key
	Refused   Class = 7 // well made and trusted, and not for now or not for this gateway
)

// A Code names one cause of a refusal. It is stable.
type Code string

// The codes of refusals.
const (
	SignatureMalformed Code = "signature_malformed" // no minisign signature
	SignatureLegacy    Code = "signature_legacy"    // not the prehashed variant
	UnknownKey         Code = "unknown_key"         // of a key that is not trusted
	SignatureWrong     Code = "signature_wrong"     // archive or comment altered
	HashWrong          Code = "hash_wrong"          // a file is not what the manifest says
	ArchiveChanged     Code = "archive_changed"     // while it was being read
	KeyMalformed       Code = "key_malformed"

	SelectorOther  Code = "other_gateway"
	SerialOld      Code = "serial_old"
	SerialReused   Code = "serial_reused" // an alarm: one serial, two contents
	NotYet         Code = "not_yet"
	VersionTooOld  Code = "version_too_old"
	NoRecipient    Code = "no_recipient" // the secrets are for others
	ArchiveBad     Code = "archive_malformed"
	ArchiveTooBig  Code = "archive_too_large"
	ManifestBad    Code = "manifest_malformed"
	FileMissing    Code = "file_missing"
	FileUnexpected Code = "file_unexpected"
	SecretsBad     Code = "secrets_malformed"
	SourceBad      Code = "source_malformed" // what a bundle is to be made of
)

// An Error says why a bundle was refused. It never holds a secret.
type Error struct {
	Class Class
	Code  Code
	Text  string
	Err   error // may be nil
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Text + ": " + e.Err.Error()
	}
	return e.Text
}

func (e *Error) Unwrap() error { return e.Err }

// ExitCode returns the exit code that the command line has for it.
func (e *Error) ExitCode() int { return int(e.Class) }

func malformed(code Code, format string, args ...any) *Error {
	return &Error{Class: Malformed, Code: code, Text: fmt.Sprintf(format, args...)}
}

func untrusted(code Code, format string, args ...any) *Error {
	return &Error{Class: Untrusted, Code: code, Text: fmt.Sprintf(format, args...)}
}

func refused(code Code, format string, args ...any) *Error {
	return &Error{Class: Refused, Code: code, Text: fmt.Sprintf(format, args...)}
}

// because adds what went wrong below.
func (e *Error) because(err error) *Error {
	e.Err = err
	return e
}
