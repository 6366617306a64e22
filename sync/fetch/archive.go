package fetch

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
)

var (
	errTooLarge = fmt.Errorf("larger than %d bytes", MaxArchiveBytes)
	errNoRoom   = errors.New("no room on the disk")
	errNotGzip  = errors.New("no tar.gz (is that a page that asks to sign in?)")
	errOther    = errors.New("the server went on with something else")
)

// A part is an archive on its way: a file that is not in place yet. The zero part is none.
type part struct {
	file       *os.File // nil: none
	size       int64    // bytes there
	done       bool     // it is whole
	sum        hash.Hash
	validators validators
}

// drop leaves nothing of the part.
func (p *part) drop() {
	if p.file != nil {
		_ = p.file.Close() // it is thrown away
		_ = os.Remove(p.file.Name())
	}
	*p = part{}
}

func (p *part) record(signature []byte) record {
	return record{Validators: p.validators, Size: p.size,
		Archive: hex.EncodeToString(p.sum.Sum(nil)), Signature: hexSum(signature)}
}

// Write appends to the part.
func (p *part) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	p.sum.Write(b[:n])
	p.size += int64(n)
	return n, err
}

// archive downloads the archive into f.part, or goes on with it, unless the server has what
// arrived last: then fresh is false. A download that broke keeps what came, where the server
// names versions well enough to go on.
func (f *Fetcher) archive(ctx context.Context) (fresh bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	resp, err := f.ask(ctx, f.address.archive, f.question())
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusNotModified:
		if !f.part.done && f.have.Archive == "" {
			return false, &responseError{url: shown(f.address.archive), status: resp.StatusCode}
		}
		if f.part.done { // what is waiting for its signature is still the one
			return true, nil
		}
		f.part.drop()
		return false, nil
	case http.StatusPartialContent:
		err = f.part.continues(resp)
	case http.StatusOK:
		f.part.drop()
		err = f.place.open(&f.part)
		f.part.validators = validatorsOf(resp.Header)
	default: // 416, above all
		err = &responseError{url: shown(f.address.archive), status: resp.StatusCode}
	}
	if err == nil {
		err = f.receive(resp, func() { cancel(errDrip) })
	}
	if err != nil {
		err = causeOf(ctx, err)
		f.settle(err)
		return false, fmt.Errorf("fetching %s: %w", shown(f.address.archive), err)
	}
	f.part.done = true
	return true, nil
}

// question is the header of the question for the archive: for what is neither there already nor
// on its way.
func (f *Fetcher) question() http.Header {
	h := http.Header{}
	switch {
	case f.part.done && f.part.validators != (validators{}):
		f.part.validators.condition(h)
	case !f.part.done && f.part.size > 0:
		f.have.Validators.condition(h)
		h.Set("Range", "bytes="+strconv.FormatInt(f.part.size, 10)+"-")
		h.Set("If-Range", f.part.validators.strong())
	default:
		f.part.drop()
		f.have.Validators.condition(h)
	}
	return h
}

// continues checks that resp goes on where the part ends (RFC 9110 §14.4).
func (p *part) continues(resp *http.Response) error {
	rest, ok := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes ")
	from, _, dash := strings.Cut(rest, "-")
	start, err := strconv.ParseInt(from, 10, 64)
	if !ok || !dash || err != nil || p.file == nil || p.done || start != p.size {
		return errOther
	}
	if etag := resp.Header.Get("ETag"); etag != "" && etag != p.validators.ETag {
		return errOther
	}
	return nil
}

// checkGzip refuses what is no gzip file (RFC 1952 §2.3.1), as the page of a captive portal.
func (p *part) checkGzip() error {
	var magic [2]byte
	if _, err := p.file.ReadAt(magic[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if magic != [2]byte{0x1f, 0x8b} {
		return errNotGzip
	}
	return nil
}

// receive reads the body into the part and brings it to the disk.
func (f *Fetcher) receive(resp *http.Response, cancel func()) error {
	if err := f.room(resp); err != nil {
		return err
	}
	body := f.measure(resp.Body, cancel)
	defer body.timer.Stop()
	left := MaxArchiveBytes - f.part.size
	n, err := io.Copy(&f.part, io.LimitReader(body, left+1))
	switch {
	case n > left:
		return errTooLarge
	case err != nil:
		return err
	}
	if err := f.part.checkGzip(); err != nil {
		return err
	}
	return f.part.file.Sync()
}

// room says whether the limits and the disk have room for the body.
func (f *Fetcher) room(resp *http.Response) error {
	need := resp.ContentLength
	if need < 0 { // the server does not say
		if resp.ProtoMajor < 2 && len(resp.TransferEncoding) == 0 {
			return errors.New("the answer's end could not be told from a broken connection")
		}
		need = MaxArchiveBytes - f.part.size
	}
	if need > MaxArchiveBytes-f.part.size {
		return errTooLarge
	}
	free, err := f.limits.free(f.config.Dir)
	if err != nil {
		return err
	}
	if want := uint64(need) + f.limits.reserve; free < want {
		return fmt.Errorf("%w: %d bytes free, %d wanted", errNoRoom, free, want)
	}
	return nil
}

// settle keeps the part of a broken download that can be resumed, and drops any other.
func (f *Fetcher) settle(err error) {
	var local *os.PathError // the disk's
	var refused *responseError
	keep := f.part.size > 0 && f.part.validators.strong() != ""
	for _, useless := range []error{errTooLarge, errNoRoom, errNotGzip, errOther} {
		keep = keep && !errors.Is(err, useless)
	}
	if !keep || errors.As(err, &local) || errors.As(err, &refused) {
		f.part.drop()
	}
}
