package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"unicode/utf8"

	"filippo.io/age"
)

// sealedFormat is the only format of a file of secrets.
const sealedFormat = 1

// A sealed is what a file of secrets holds once it is decrypted: JSON, so that a person with
// the recovery identity and age alone can read it.
type sealed struct {
	Format int `json:"format"`
	// Recipients are all for whom the secrets were encrypted when this file was made, by the
	// name of their file: so that whoever opens one knows whether another is out of date.
	Recipients map[string][]string `json:"recipients,omitempty"`
	// Values are secrets by the name that a secret_ref gives them.
	Values map[string]string `json:"values,omitempty"`
	// Files are whole files, keys above all, by path.
	Files map[string]string `json:"files,omitempty"`
}

// parseSealed reads the decrypted content of a file of secrets. The error holds no secret.
func parseSealed(data []byte) (*sealed, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	s := &sealed{}
	if err := d.Decode(s); err != nil {
		return nil, errors.New("it is not the JSON that is expected") // the decoder's error may quote it
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON")
	}
	if s.Format != sealedFormat {
		return nil, fmt.Errorf("format %d, and only %d is known here", s.Format, sealedFormat)
	}
	for name := range s.Values {
		if !isRef(name) {
			return nil, fmt.Errorf("the name %q of a secret is not usable", clip(name))
		}
	}
	for name, content := range s.Files {
		if !maySeal(name) {
			return nil, fmt.Errorf("the file %q may not travel as a secret", clip(name))
		}
		if content == "" {
			return nil, fmt.Errorf("the file %s is empty", name)
		}
	}
	return s, nil
}

// encode returns the spelling of s, the same for the same content.
func (s *sealed) encode() ([]byte, error) {
	for name, value := range s.Values {
		if !utf8.ValidString(value) {
			return nil, fmt.Errorf("the secret %s is not UTF-8 text", name)
		}
	}
	for name, content := range s.Files {
		if !utf8.ValidString(content) {
			return nil, fmt.Errorf("the file %s is not UTF-8 text", name)
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(s); err != nil {
		return nil, errors.New("the secrets cannot be written")
	}
	return b.Bytes(), nil
}

func (s *sealed) empty() bool { return len(s.Values) == 0 && len(s.Files) == 0 }

// equal reports whether both hold the same secrets for the same recipients.
func (s *sealed) equal(other *sealed) bool {
	return maps.Equal(s.Values, other.Values) && maps.Equal(s.Files, other.Files) &&
		maps.EqualFunc(s.Recipients, other.Recipients, slices.Equal)
}

// add takes the secrets of other in. Two that differ under one name are an error.
func (s *sealed) add(other *sealed) error {
	for name, value := range other.Values {
		if have, ok := s.Values[name]; ok && have != value {
			return fmt.Errorf("the secret %s is in two files of secrets, and differs", name)
		}
		s.Values[name] = value
	}
	for name, content := range other.Files {
		if have, ok := s.Files[name]; ok && have != content {
			return fmt.Errorf("the file %s is in two files of secrets, and differs", name)
		}
		s.Files[name] = content
	}
	for name, list := range other.Recipients {
		s.Recipients[name] = list
	}
	return nil
}

func newSealed() *sealed {
	return &sealed{Format: sealedFormat, Recipients: map[string][]string{},
		Values: map[string]string{}, Files: map[string]string{}}
}

// openSealed decrypts all of files that id opens, and joins what is in them. It returns nil if
// id opens none. Every error is an *Error and holds no secret.
func openSealed(files map[string][]byte, id *Identity) (*sealed, error) {
	var all *sealed
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text, err := decrypt(files[name], id)
		var other *age.NoIdentityMatchError
		if errors.As(err, &other) {
			continue
		}
		if err != nil {
			return nil, malformed(SecretsBad, "%s cannot be decrypted", name)
		}
		s, err := parseSealed(text)
		if err != nil {
			return nil, malformed(SecretsBad, "%s", name).because(err)
		}
		if all == nil {
			all = newSealed()
		}
		if err := all.add(s); err != nil {
			return nil, malformed(SecretsBad, "%s", name).because(err)
		}
	}
	return all, nil
}

func decrypt(data []byte, id *Identity) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(data), id.key)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, maxSealedBytes)) // shorter than data, which is bounded
}

// encrypt seals text to recipients. It is different every time.
func encrypt(text []byte, recipients []string) ([]byte, error) {
	var to []age.Recipient
	for _, s := range recipients {
		r, err := age.ParseX25519Recipient(s)
		if err != nil {
			return nil, fmt.Errorf("%q is no recipient of age", clip(s))
		}
		to = append(to, r)
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to...)
	if err != nil {
		return nil, fmt.Errorf("encrypting: %w", err)
	}
	_, err = w.Write(text)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("encrypting: %w", err)
	}
	if b.Len() > maxSealedBytes {
		return nil, fmt.Errorf("the secrets have more than %d bytes", maxSealedBytes)
	}
	return b.Bytes(), nil
}

// stemOf returns the name of a recipient or group by that of its file.
func stemOf(p string) string {
	base := path.Base(p)
	return base[:len(base)-len(path.Ext(base))]
}
