package webui

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"gatehouse/authcore/revocation"
)

const (
	// maxOCSPListed bounds the certificates in one answer where no limit is given.
	maxOCSPListed = 1000
	// checkTimeout ends the asking of responders for a person: a few that hang, one after the other.
	checkTimeout = 45 * time.Second
)

// An OCSP is what is known of the standing of certificates, and what a person may have done about
// it. Its functions are safe for concurrent use.
type OCSP struct {
	// List tells what is known in memory, the certificate seen last first.
	List func() []revocation.EntryReport
	// Check asks the responders of the first certificate, PEM or DER, now.
	Check func(ctx context.Context, certificate []byte) (revocation.Check, error)
	// Purge forgets answers; p names some.
	Purge func(p revocation.Purge) (OCSPPurged, error)
}

// An OCSPList is the answer of `GET ocsp`.
type OCSPList struct {
	Matching     int                      `json:"matching"` // before the limit
	Certificates []revocation.EntryReport `json:"certificates"`
}

// An OCSPPurge says which answers are to be forgotten: exactly one of serial, ca and all.
type OCSPPurge struct {
	Serial  string `json:"serial,omitempty"` // hexadecimal, of every issuer
	CA      string `json:"ca,omitempty"`
	All     bool   `json:"all,omitempty"`
	Revoked bool   `json:"revoked,omitempty"` // those that say revoked too
}

// An OCSPPurged is what became of an OCSPPurge.
type OCSPPurged struct {
	Forgotten   int `json:"forgotten"`
	KeptRevoked int `json:"kept_revoked"` // in memory, for the purge did not say revoked
}

// listOCSP answers with what is known, filtered by ca, status and serial.
func (a *api) listOCSP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	limit, err := number(r, "limit", maxOCSPListed)
	if err != nil {
		fail(w, err)
		return
	}
	serial := query.Get("serial")
	if serial != "" {
		if serial, err = revocation.ParseSerial(serial); err != nil {
			fail(w, fmt.Errorf("%w: %w", ErrInvalid, err))
			return
		}
	}
	is := func(want, got string) bool { return want == "" || want == got }
	list := OCSPList{Certificates: []revocation.EntryReport{}}
	for _, e := range a.OCSP.List() {
		if !is(query.Get("ca"), e.CA) || !is(query.Get("status"), e.Status) || !is(serial, e.Serial) {
			continue
		}
		list.Matching++
		if uint64(len(list.Certificates)) < limit {
			list.Certificates = append(list.Certificates, e)
		}
	}
	writeJSON(w, list)
}

func (a *api) checkOCSP(w http.ResponseWriter, r *http.Request) {
	certificate, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxUpload))
	if err != nil {
		fail(w, fmt.Errorf("%w: reading the certificate: %w", ErrInvalid, err))
		return
	}
	check, err := a.askResponders(w, r, certificate)
	answer(w)(check, err)
}

func (a *api) purgeOCSP(w http.ResponseWriter, r *http.Request) {
	var p OCSPPurge
	if err := readJSON(w, r, &p); err != nil {
		fail(w, fmt.Errorf("%w: reading what to forget: %w", ErrInvalid, err))
		return
	}
	purge, err := p.parse()
	if err != nil {
		fail(w, fmt.Errorf("%w: %w", ErrInvalid, err))
		return
	}
	purged, err := a.OCSP.Purge(purge)
	answer(w)(purged, err)
}

// parse refuses a purge that names nothing, or two things that could be meant either way.
func (p OCSPPurge) parse() (revocation.Purge, error) {
	named := 0
	for _, one := range []bool{p.Serial != "", p.CA != "", p.All} {
		if one {
			named++
		}
	}
	if named != 1 {
		return revocation.Purge{}, fmt.Errorf("exactly one of serial, ca and all is needed, not %d", named)
	}
	purge := revocation.Purge{CA: p.CA, All: p.All, Revoked: p.Revoked}
	if p.Serial == "" {
		return purge, nil
	}
	var err error
	purge.Serial, err = revocation.ParseSerial(p.Serial)
	return purge, err
}
