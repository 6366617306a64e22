package webui

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxCAUpload bounds the file of a CA that is sent, in bytes.
const maxCAUpload = 1 << 20

// CAs is what the API asks about the CAs that vouch for people. Its functions are safe for
// concurrent use. Errors wrap ErrNotFound, ErrInvalid (with what would be wrong) and ErrRefused.
type CAs struct {
	// List returns those in force, and those that are not because of their errors, by name.
	List func() []CA
	// PEM returns the certificates of one in force, anchors first.
	PEM func(name string) ([]byte, error)
	// People returns who has signed in by one in force, of the sign-ins that are remembered, who was
	// there last first.
	People func(name string) []CAPerson
	// Managed says why nothing is changed here; "": it may be.
	Managed func() string
	// Put makes a CA, or replaces the one of that name, for by, and waits until that is in force.
	Put func(u CAUpload, by string) (CASaved, error)
	// Delete removes one for by, and waits likewise.
	Delete func(name, by string) (CASaved, error)
}

// A CA is one that may vouch for people: the certificates of one file.
type CA struct {
	Name    string          `json:"name"`
	State   string          `json:"state"`    // as of a RADIUSServer
	Anchors []CACertificate `json:"anchors"`  // trusted as they are; what they signed hangs from them
	Lost    []CACertificate `json:"lost"`     // no anchor leads to them: nobody is believed through them
	UsedBy  []string        `json:"used_by"`  // RADIUS servers, and saml/idp for the sign-in to web applications
	Domains []string        `json:"domains"`  // of e-mail addresses for which it may vouch; empty: any
	Groups  []string        `json:"groups"`   // likewise
	OCSP    string          `json:"ocsp"`     // require, prefer or off
	Grace   string          `json:"grace"`    // for which an answer serves beyond its end
	People  int             `json:"people"`   // who signed in by it lately, as far as is remembered
	Issues  []Problem       `json:"problems"` // why it is not in force as its file says, and warnings
}

// A CACertificate is a certificate of a CA with those of the same CA that it has signed.
type CACertificate struct {
	Name           string          `json:"name"`
	Subject        string          `json:"subject"`
	Issuer         string          `json:"issuer"`
	Serial         string          `json:"serial"`         // hexadecimal
	SubjectKeyID   string          `json:"subject_key_id"` // likewise; "": it has none
	AuthorityKeyID string          `json:"authority_key_id"`
	NotBefore      time.Time       `json:"not_before"`
	NotAfter       time.Time       `json:"not_after"`
	State          string          `json:"state"` // valid, expiring (60 days), expired or not_yet_valid
	Key            string          `json:"key"`   // kind and length
	SHA256         string          `json:"sha256"`
	Issued         []CACertificate `json:"issued"`
}

// A CAPerson is a user who was accepted by a certificate that chains to a CA.
type CAPerson struct {
	User string    `json:"user"`
	Seen time.Time `json:"last_seen"`
	ID   uint64    `json:"id"` // of that sign-in
}

// CAPeople is the answer of `GET ca/NAME/users`.
type CAPeople struct {
	Count int        `json:"count"` // before the limit
	Users []CAPerson `json:"users"`
}

// maxCAPeople bounds the people in an answer where no limit is given, and on a page.
const maxCAPeople = 100

// A CASaved is what came of a change.
type CASaved struct {
	Generation uint64 `json:"generation"`   // that has it
	CA         *CA    `json:"ca,omitempty"` // as it is now
}

func (a *api) listCAs(w http.ResponseWriter, _ *http.Request) { writeJSON(w, a.CAs.List()) }

// ca finds one by its name.
func (a *api) ca(name string) (CA, error) {
	for _, ca := range a.CAs.List() {
		if ca.Name == name {
			return ca, nil
		}
	}
	return CA{}, fmt.Errorf("%w: there is no CA of that name", ErrNotFound)
}

func (a *api) getCA(w http.ResponseWriter, r *http.Request) { answer(w)(a.ca(r.PathValue("name"))) }

// caPeople answers with those who chain to a CA.
func (a *api) caPeople(w http.ResponseWriter, r *http.Request) {
	limit, err := number(r, "limit", maxCAPeople)
	if err == nil {
		_, err = a.ca(r.PathValue("name"))
	}
	if err != nil {
		fail(w, err)
		return
	}
	all := a.CAs.People(r.PathValue("name"))
	writeJSON(w, CAPeople{Count: len(all), Users: all[:min(uint64(len(all)), limit)]})
}

// putCA takes the certificates, PEM or DER, as the body.
func (a *api) putCA(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCAUpload))
	if err != nil {
		fail(w, fmt.Errorf("%w: the file of a CA may have %d KiB", errTooLarge, maxCAUpload>>10))
		return
	}
	answer(w)(a.CAs.Put(CAUpload{Name: r.PathValue("name"), PEM: string(data), Replace: true}, who(r)))
}

func (a *api) deleteCA(w http.ResponseWriter, r *http.Request) {
	answer(w)(a.CAs.Delete(r.PathValue("name"), who(r)))
}

func (a *api) caPEM(w http.ResponseWriter, r *http.Request) {
	data, err := a.CAs.PEM(r.PathValue("name"))
	if err != nil {
		fail(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/x-pem-file")
	h.Set("Content-Disposition", `attachment; filename="ca.pem"`)
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(data) // the client is gone: nobody to tell
}
