package webui

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// maxRADIUSBody bounds a change of a RADIUS server that is sent, in bytes.
const maxRADIUSBody = 1 << 20

// RADIUSServers is what the API asks about RADIUS servers. Its functions are safe for concurrent
// use. Errors wrap ErrNotFound, ErrInvalid (with what would be wrong) and ErrRefused.
type RADIUSServers struct {
	// List returns those in force, and those that are not because of their errors, by name.
	List func() []RADIUSServer
	// Get returns one of them, with its Version.
	Get func(name string) (RADIUSServer, error)
	// CAs returns the names of the CAs in force, for picking.
	CAs func() []string
	// Counts tells what the RADIUS port counted.
	Counts func() RADIUS
	// Managed says why nothing is changed here; "": it may be.
	Managed func() string
	// Put changes a server, or makes it, and waits until that is in force.
	Put func(name string, c RADIUSChange) (RADIUSSaved, error)
	// Delete removes a server for by, and waits likewise.
	Delete func(name, by string) (RADIUSSaved, error)
}

// The states of a RADIUSServer.
const (
	RADIUSInForce = "in_force"
	RADIUSKept    = "kept"     // its last good version is in force, for the file has errors
	RADIUSReduced = "reduced"  // it is in force without the CAs that have errors
	RADIUSLeftOut = "left_out" // it is not in force
)

// A RADIUSServer is a RADIUS server as it is in force, without secrets.
type RADIUSServer struct {
	Name          string         `json:"name"`
	Primary       string         `json:"primary"`        // Certificate or Password
	AllowPassword bool           `json:"allow_password"` // as the alternative to the certificate
	CAs           []string       `json:"ca"`
	Clients       []RADIUSClient `json:"clients"`
	SSID          []string       `json:"ssid"` // empty: any
	NASIdentifier []string       `json:"nas_identifier"`
	State         string         `json:"state"`
	Problems      []Problem      `json:"problems"` // why it is not in force as its file says, and warnings
	// Version stands for the file that was read. Whoever sends it with a change finds out that
	// somebody else has changed the file meanwhile.
	Version string `json:"version,omitempty"`
}

// A RADIUSClient is a client of a RADIUS server.
type RADIUSClient struct {
	Name                 string `json:"name"`
	Address              string `json:"address,omitempty"` // or prefix; "": by TLS
	TLS                  string `json:"tls,omitempty"`     // how its certificate is known
	MessageAuthenticator string `json:"message_authenticator"`
	SecretSet            bool   `json:"secret_set"`
}

// A RADIUSChange is what somebody wants to be different about a RADIUS server. What is left out
// stays as it is.
type RADIUSChange struct {
	By            string               `json:"-"`
	Create        bool                 `json:"create,omitempty"` // refused if there is one of the name
	Version       string               `json:"version,omitempty"`
	Method        string               `json:"method,omitempty"` // passwordless or password
	AllowPassword *bool                `json:"allow_password,omitempty"`
	CAs           []string             `json:"ca,omitzero"`
	RemoveCAs     []string             `json:"remove_ca,omitzero"` // their files too, if nobody else names them
	Uploads       []CAUpload           `json:"ca_files,omitzero"`
	SSID          []string             `json:"ssid,omitzero"`
	NASIdentifier []string             `json:"nas_identifier,omitzero"`
	Clients       []RADIUSClientChange `json:"clients,omitzero"` // those that are not named stay
}

// A CAUpload is a CA that comes with a change, and is one of the server's from then on.
type CAUpload struct {
	Name    string `json:"name"`
	PEM     string `json:"pem"`               // or DER
	Replace bool   `json:"replace,omitempty"` // the CA of that name, which is refused otherwise
}

// A RADIUSClientChange adds a client, changes it or takes it away.
type RADIUSClientChange struct {
	Name                 string `json:"name"`
	Create               bool   `json:"create,omitempty"` // refused if there is one of the name
	Was                  string `json:"was,omitempty"`    // its name until now; "": the same
	Address              string `json:"address,omitempty"`
	Secret               string `json:"secret,omitempty"`   // "": the old one stays
	Generate             bool   `json:"generate,omitempty"` // a new one, told once
	MessageAuthenticator string `json:"message_authenticator,omitempty"`
	Remove               bool   `json:"remove,omitempty"`
}

// A RADIUSSaved is what came of a change.
type RADIUSSaved struct {
	Generation uint64            `json:"generation"`        // that has it
	Secrets    map[string]string `json:"secrets,omitempty"` // that were generated, by client: never told again
	Server     *RADIUSServer     `json:"server,omitempty"`  // as it is now
}

func (a *api) listRADIUS(w http.ResponseWriter, _ *http.Request) { writeJSON(w, a.RADIUS.List()) }

func (a *api) getRADIUS(w http.ResponseWriter, r *http.Request) {
	answer(w)(a.RADIUS.Get(r.PathValue("name")))
}

func (a *api) putRADIUS(w http.ResponseWriter, r *http.Request) {
	var c RADIUSChange
	if readChange(w, r, &c) {
		c.By = who(r)
		answer(w)(a.RADIUS.Put(r.PathValue("name"), c))
	}
}

func (a *api) deleteRADIUS(w http.ResponseWriter, r *http.Request) {
	answer(w)(a.RADIUS.Delete(r.PathValue("name"), who(r)))
}

// putRADIUSClient adds or replaces one client.
func (a *api) putRADIUSClient(w http.ResponseWriter, r *http.Request) {
	var c RADIUSClientChange
	if readChange(w, r, &c) {
		answer(w)(a.RADIUS.Put(r.PathValue("name"), RADIUSChange{By: who(r), Clients: []RADIUSClientChange{c}}))
	}
}

func (a *api) deleteRADIUSClient(w http.ResponseWriter, r *http.Request) {
	c := RADIUSClientChange{Name: r.PathValue("client"), Remove: true}
	answer(w)(a.RADIUS.Put(r.PathValue("name"), RADIUSChange{By: who(r), Clients: []RADIUSClientChange{c}}))
}

// readChange reads a body strictly: a key that is not known is refused. False: it was.
func readChange(w http.ResponseWriter, r *http.Request, v any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRADIUSBody))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		fail(w, fmt.Errorf("%w: reading the change: %w", ErrInvalid, err))
		return false
	}
	return true
}
