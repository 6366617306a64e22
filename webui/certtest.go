package webui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/onboard"
)

// A CertTest is the answer to "would this certificate be accepted there?".
type CertTest struct {
	Server     string       `json:"server"`
	Result     audit.Result `json:"result"`
	Reason     audit.Reason `json:"reason"`
	Sentence   string       `json:"sentence"`
	NextStep   string       `json:"next_step"`
	Detail     string       `json:"detail,omitempty"`
	User       string       `json:"user,omitempty"` // whom the certificate names, if anybody
	CA         string       `json:"ca,omitempty"`
	CertSHA256 string       `json:"cert_sha256,omitempty"`
	VLAN       string       `json:"vlan,omitempty"`
	OCSP       string       `json:"ocsp,omitempty"` // as of an audit.Event; "": the decision did not come so far
	OCSPSource string       `json:"ocsp_source,omitempty"`
	OCSPAge    int64        `json:"ocsp_age_s,omitempty"`
	Standing   string       `json:"standing,omitempty"` // the three of them in words
	Ladder     audit.Ladder `json:"ladder"`
}

// maxPassword12 bounds the password of a .p12 in a form, in bytes.
const maxPassword12 = 1 << 10

// testCertificate takes the certificates as the body, or in a form beside the password of a .p12,
// which does not belong into an address or a header.
func (a *api) testCertificate(w http.ResponseWriter, r *http.Request) {
	data, password, err := readBrought(w, r)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w)(a.testBrought(r, data, password, r.URL.Query().Get("server")))
}

// readBrought reads a body of either kind. Nothing of it is written anywhere.
func readBrought(w http.ResponseWriter, r *http.Request) (data []byte, password string, err error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload+maxForm)
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "multipart/form-data" {
		data, err = readAtMost(r.Body, "certificate", maxUpload)
		return data, "", err
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, "", fmt.Errorf("%w: reading the form: %w", ErrInvalid, err)
	}
	if data, err = readPart(parts, "file", maxUpload); err != nil {
		return nil, "", err
	}
	part, err := parts.NextPart()
	if errors.Is(err, io.EOF) {
		return data, "", nil
	}
	if err != nil || part.FormName() != "password" {
		return nil, "", fmt.Errorf("%w: the form has a file and then a password, and nothing else", ErrInvalid)
	}
	secret, err := readAtMost(part, "password", maxPassword12)
	return data, string(secret), err
}

// testBrought decides about the certificates in what somebody brought: PEM, DER or a .p12. Private
// keys in it are not looked at. Errors wrap ErrInvalid, ErrNotFound or ErrBusy.
func (a *api) testBrought(r *http.Request, data []byte, password, server string) (tests []CertTest, err error) {
	if onboard.IsSealed(data) {
		data, err = a.openSealed(r.Context(), data, password)
	} else {
		data, err = withoutKeys(data)
	}
	if err != nil {
		return nil, err
	}
	return a.TestCertificate(data, server)
}

// withoutKeys leaves of PEM that somebody brought what may be known to everybody.
func withoutKeys(text []byte) ([]byte, error) {
	text, err := onboard.WithoutKeys(text)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return text, err
}

// openSealed says of a file that could not be opened what is missing.
func (a *api) openSealed(ctx context.Context, file []byte, password string) ([]byte, error) {
	data, err := a.OpenSealed(ctx, file, password)
	if err != nil && password == "" && errors.Is(err, ErrInvalid) {
		err = fmt.Errorf("%w (no password was given)", err)
	}
	return data, err
}
