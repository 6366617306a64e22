package webui

import (
	"fmt"
	"io"
	"mime/multipart"
)

// readPart reads the next part of a form, which must be the file called name with at most limit
// bytes.
func readPart(parts *multipart.Reader, name string, limit int64) ([]byte, error) {
	part, err := parts.NextPart()
	if err != nil || part.FormName() != name {
		return nil, fmt.Errorf("%w: the %s is missing", ErrInvalid, name)
	}
	data, err := io.ReadAll(io.LimitReader(part, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: reading the %s: %w", ErrInvalid, name, err)
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("%w: the %s has more than %d KiB", ErrInvalid, name, limit>>10)
	case len(data) == 0:
		return nil, fmt.Errorf("%w: the %s is missing: choose its file", ErrInvalid, name)
	}
	return data, nil
}
