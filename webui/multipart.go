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
	data, err := readAtMost(part, name, limit)
	if err == nil && len(data) == 0 {
		err = fmt.Errorf("%w: the %s is missing: choose its file", ErrInvalid, name)
	}
	return data, err
}

// readAtMost reads all of what people know by name, which may have limit bytes.
func readAtMost(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: reading the %s: %w", ErrInvalid, name, err)
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("%w: the %s has more than %d KiB", ErrInvalid, name, limit>>10)
	}
	return data, nil
}

// readFormFile reads a file of a form that is in memory.
func readFormFile(header *multipart.FileHeader) ([]byte, error) {
	f, err := header.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: reading the file: %w", ErrInvalid, err)
	}
	defer func() { _ = f.Close() }() // it was read only
	return io.ReadAll(f)
}
