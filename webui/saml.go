package webui

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/saml"
	"gatehouse/authcore/saml/pair"
)

// maxSAMLUpload bounds a certificate, key or metadata that is sent, in bytes.
const maxSAMLUpload = 1 << 20

// SAML is what the API asks about apps and their pairs. Its functions are safe for concurrent use.
type SAML struct {
	// Apps tells how every app stands.
	Apps func() []SAMLApp
	// Change carries out an action on the pairs of an app.
	Change func(app string, c SAMLChange) (SAMLApp, error)
	// Certificate returns certificate.pem of a role, and remembers that it was taken.
	Certificate func(app string, role pair.Role) ([]byte, error)
	// Metadata returns ours for the app, and remembers that it was exported.
	Metadata func(app string) (data []byte, etag string, err error)
	// Compare says how what a service provider has stands to what the app has.
	Compare func(app string, data []byte) (*pair.Comparison, error)
	// Rehearse says what an app would be told about whoever has that certificate, in PEM or DER.
	Rehearse func(app string, certificate []byte) (SAMLTrial, error)
}

// A SAMLTrial is a sign-in that nobody makes: it is decided and signed as one, read back, and thrown
// away. There is nothing in it that signs anybody in.
type SAMLTrial struct {
	Accepted  bool            `json:"accepted"`
	Reason    audit.Reason    `json:"reason"`
	Sentence  string          `json:"sentence"`
	NextStep  string          `json:"next_step"`
	Detail    string          `json:"detail,omitempty"`
	User      string          `json:"user,omitempty"`
	Ladder    audit.Ladder    `json:"ladder"`
	Assertion *saml.Rehearsal `json:"assertion,omitempty"` // of an accept
	Problem   string          `json:"problem,omitempty"`   // why none could be made of it
}

// A SAMLApp is how an app stands.
type SAMLApp struct {
	Name        string            `json:"name"`
	Label       string            `json:"label"`
	Activated   bool              `json:"activated"`
	Ready       bool              `json:"ready"`            // people can sign in
	Reason      string            `json:"reason,omitempty"` // why not
	EntityID    string            `json:"entity_id"`        // the service provider's
	ACS         []string          `json:"acs"`
	IDPEntityID string            `json:"idp_entity_id,omitempty"`
	SignIn      string            `json:"sso_url,omitempty"`
	Start       string            `json:"start_url,omitempty"`
	MetadataURL string            `json:"metadata_url,omitempty"`
	Pairs       pair.Status       `json:"pairs"`
	Can         map[string]string `json:"can"` // by action, why it is refused; "": it is offered
	// Signs is the fingerprint of what signs now; Downloaded that of the certificate that was taken
	// last, and Warning what follows if they are not the same.
	Signs      string    `json:"signs,omitempty"`
	Downloaded string    `json:"downloaded,omitempty"`
	Warning    string    `json:"warning,omitempty"`
	Exported   time.Time `json:"metadata_exported,omitzero"`
	Changed    bool      `json:"metadata_changed"` // since it was exported last
	Consequent []string  `json:"consequences,omitempty"`

	// Entails is what an action entails, by action, for whoever is asked to confirm it.
	Entails map[string][]string `json:"entails"`
}

// A SAMLChange is what somebody wants done to the pairs of an app.
type SAMLChange struct {
	Action      pair.Action `json:"-"`
	Compromised bool        `json:"compromised"` // of regenerate: at once
	Confirm     bool        `json:"confirm"`     // the consequences are known
	Certificate string      `json:"certificate"` // of pair, in PEM
	Key         string      `json:"key"`
}

// samlActions are the actions by the last part of their path.
var samlActions = map[string]pair.Action{
	"activate": pair.ActionActivate, "regenerate": pair.ActionRegenerate, "promote": pair.ActionPromote,
	"retire": pair.ActionRetire, "discard": pair.ActionDiscard, "pair": pair.ActionUpload,
}

func (a *api) samlApps(w http.ResponseWriter, _ *http.Request) { writeJSON(w, a.SAML.Apps()) }

func (a *api) changeSAML(w http.ResponseWriter, r *http.Request) {
	action, ok := samlActions[r.PathValue("action")]
	if !ok {
		fail(w, fmt.Errorf("%w: no such action", ErrNotFound))
		return
	}
	var c SAMLChange
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSAMLUpload))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil && err != io.EOF { // nothing is said: nothing is confirmed
		fail(w, fmt.Errorf("%w: reading what is to be done: %w", ErrInvalid, err))
		return
	}
	if c.Action = action; c.Compromised && action == pair.ActionRegenerate {
		c.Action = pair.ActionCompromised
	}
	app, err := a.SAML.Change(r.PathValue("app"), c)
	answer(w)(app, err)
}

func (a *api) samlCertificate(w http.ResponseWriter, r *http.Request) {
	role := pair.Role(r.URL.Query().Get("role"))
	if role == "" {
		role = pair.Active
	}
	data, err := a.SAML.Certificate(r.PathValue("app"), role)
	if err != nil {
		fail(w, err)
		return
	}
	download(w, "application/x-pem-file", "certificate.pem", data)
}

func (a *api) samlMetadata(w http.ResponseWriter, r *http.Request) {
	data, etag, err := a.SAML.Metadata(r.PathValue("app"))
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("ETag", etag)
	download(w, "application/samlmetadata+xml", r.PathValue("app")+"-metadata.xml", data)
}

func download(w http.ResponseWriter, kind, name string, data []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(data) // the client is gone: nobody to tell
}

func (a *api) compareSAML(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSAMLUpload))
	if err != nil {
		fail(w, fmt.Errorf("%w: reading what is to be compared: %w", ErrInvalid, err))
		return
	}
	found, err := a.SAML.Compare(r.PathValue("app"), data)
	if err == nil {
		found = listed(found)
	}
	answer(w)(found, err)
}

// listed is a comparison whose lists are lists in JSON, even where nothing is in them.
func listed(c *pair.Comparison) *pair.Comparison {
	out := pair.Comparison{Certificates: []pair.Compared{}, Findings: c.Findings}
	for _, one := range c.Certificates {
		if one.Differences == nil {
			one.Differences = []pair.Difference{}
		}
		out.Certificates = append(out.Certificates, one)
	}
	return &out
}

// rehearseSAML answers with what an app would be told.
func (a *api) rehearseSAML(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxUpload))
	if err != nil {
		fail(w, fmt.Errorf("%w: reading the certificate: %w", ErrInvalid, err))
		return
	}
	answer(w)(a.SAML.Rehearse(r.PathValue("app"), data))
}

// A SAMLLint is what is wrong with a pasted certificate, and copies without that.
type SAMLLint struct {
	Findings pair.Findings `json:"findings"`
	Copies   *pair.Copies  `json:"copies,omitempty"` // nil: no certificate can be made out
}

// LintSAML looks for what copying and pasting does to a certificate.
func LintSAML(data []byte) SAMLLint {
	report := pair.Lint(data)
	lint := SAMLLint{Findings: report.Findings}
	if lint.Findings == nil {
		lint.Findings = pair.Findings{}
	}
	if copies, ok := report.Cleaned(); ok {
		lint.Copies = &copies
	}
	return lint
}

func (a *api) lintSAML(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSAMLUpload))
	if err != nil {
		fail(w, fmt.Errorf("%w: reading the certificate: %w", ErrInvalid, err))
		return
	}
	writeJSON(w, LintSAML(data))
}
