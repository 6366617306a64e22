package appliance

import (
	"context"
	"fmt"
	"time"

	"gatehouse/authcore/onboard"
	"gatehouse/webui"
)

// sealedWait is how long somebody waits until the .p12 of somebody else is open.
const sealedWait = 5 * time.Second

// sealedFiles opens PKCS #12 files of people, one at a time, for each may ask for some work.
type sealedFiles struct {
	turn chan struct{} // holds a token while one is being opened
	read func(file []byte, password string) ([]byte, error)
}

func newSealedFiles() *sealedFiles {
	return &sealedFiles{turn: make(chan struct{}, 1), read: onboard.OpenSealed}
}

// IsSealed reports whether a file that somebody brought is to be opened by OpenSealed.
func IsSealed(file []byte) bool { return onboard.IsSealed(file) }

// OpenSealed returns the certificates in a PKCS #12 as PEM, leaf first, and leaves its key alone.
func OpenSealed(file []byte, password string) ([]byte, error) {
	return onboard.OpenSealed(file, password)
}

// WithoutKeys is PEM without its private keys.
func WithoutKeys(text []byte) ([]byte, error) { return onboard.WithoutKeys(text) }

// open is webui.Backend.OpenSealed.
func (s *sealedFiles) open(ctx context.Context, file []byte, password string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, sealedWait)
	defer cancel()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: another .p12 is being opened: try again in a moment", webui.ErrBusy)
	}
	certificates, err := s.read(file, password)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", webui.ErrInvalid, err)
	}
	return certificates, nil
}
