package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
)

const (
	// maxFollowUps is how many questions about the archive are followed by one about the
	// signature after a pair has arrived: a publisher may have replaced one and not yet the other.
	maxFollowUps = 2
	maxRounds    = 3
)

var (
	// errMoved says that the server has another archive than a moment ago.
	errMoved = errors.New("the archive changed while its signature was fetched")
	errTorn  = errors.New("the signature is still that of the archive before")
)

// poll asks once, and reports whether a new pair is in place.
//
//	archive ── 304 ──→ nothing new (and, twice after an arrival, is the signature the same?)
//	   │ 200
//	   ↓
//	signature → archive again: 304 → in place
//	                           200 → from the start
func (f *Fetcher) poll(ctx context.Context) (arrived bool, err error) {
	for range maxRounds {
		arrived, err = f.round(ctx)
		if !errors.Is(err, errMoved) {
			return arrived, err
		}
	}
	return false, err
}

func (f *Fetcher) round(ctx context.Context) (arrived bool, err error) {
	if f.have.Signature != "" && f.have.Validators == (validators{}) {
		// A server that names no versions: the signature is small, so that is what is compared.
		if same, err := f.sameSignature(ctx); err != nil || same {
			return false, err
		}
	}
	fresh, err := f.archive(ctx)
	if err != nil {
		return false, err
	}
	if !fresh {
		return false, f.followUp(ctx)
	}
	signature, err := f.signature(ctx)
	if err != nil {
		return false, err
	}
	if err := f.unmoved(ctx); err != nil {
		return false, err
	}
	return f.accept(signature)
}

// accept puts the pair in place unless it is the one that arrived last.
func (f *Fetcher) accept(signature []byte) (arrived bool, err error) {
	arriving := f.part.record(signature)
	sameArchive := arriving.Archive == f.have.Archive
	sameSignature := arriving.Signature == f.have.Signature
	if sameSignature && !sameArchive {
		return false, errTorn // the archive is kept: only the signature is missing
	}
	if sameSignature && sameArchive { // under another name: of another node of the server, say
		f.part.drop()
		f.have = arriving
		return false, nil
	}
	if err := f.place.put(&f.part, signature); err != nil {
		f.part.drop()
		f.place.clean()
		return false, err
	}
	f.have, f.followUps = arriving, maxFollowUps
	if err := f.place.save(f.address, arriving); err != nil {
		f.log.Warn("keeping what the bundle server has", "err", err) // costs one download
	}
	return true, nil
}

// followUp has a look at the signature alone for a while after an arrival.
func (f *Fetcher) followUp(ctx context.Context) error {
	f.note(func(s *Status) { s.NotModified++ })
	if f.followUps == 0 || f.have.Signature == "" {
		return nil
	}
	same, err := f.sameSignature(ctx)
	if err != nil {
		return err
	}
	f.followUps--
	if !same { // both anew, so that they belong together
		f.have.Validators = validators{}
		f.have.Archive = ""
		return errMoved
	}
	return nil
}

func (f *Fetcher) sameSignature(ctx context.Context) (bool, error) {
	signature, err := f.signature(ctx)
	return hexSum(signature) == f.have.Signature, err
}

// signature fetches the signature.
func (f *Fetcher) signature(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	resp, err := f.ask(ctx, f.address.signature, http.Header{})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	at := shown(f.address.signature)
	if resp.StatusCode != http.StatusOK {
		return nil, &responseError{url: at, status: resp.StatusCode}
	}
	body := f.measure(resp.Body, func() { cancel(errDrip) })
	defer body.timer.Stop()
	data, err := io.ReadAll(io.LimitReader(body, MaxSignatureBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", at, causeOf(ctx, err))
	case len(data) > MaxSignatureBytes:
		return nil, fmt.Errorf("reading %s: larger than %d bytes", at, MaxSignatureBytes)
	case !bytes.HasPrefix(data, []byte("untrusted comment:")):
		return nil, fmt.Errorf("reading %s: not a minisign signature", at)
	}
	return data, nil
}

// unmoved makes sure that the server still has the archive that was just downloaded, where it
// names versions at all. The error is errMoved if not.
func (f *Fetcher) unmoved(ctx context.Context) error {
	v := f.part.validators
	if v == (validators{}) {
		return nil
	}
	header := http.Header{}
	v.condition(header)
	resp, err := f.ask(ctx, f.address.archive, header)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotModified || validatorsOf(resp.Header) == v {
		return nil
	}
	f.part.drop()
	return errMoved
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
