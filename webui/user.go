package webui

import (
	"fmt"
	"net/http"
	"time"
)

// A User is somebody who may sign in, without secrets, and what is remembered of him.
type User struct {
	Username string   `json:"username"`
	Email    string   `json:"email,omitempty"`
	Aliases  []string `json:"aliases,omitempty"`
	Name     string   `json:"name,omitempty"`
	Groups   []string `json:"groups,omitempty"`
	State    string   `json:"state"` // active or suspended
	VLAN     string   `json:"vlan,omitempty"`
	Source   string   `json:"source,omitempty"` // the file that has him

	// Names are those by which a certificate may name him, in the order in which they count.
	Names []UserName `json:"certificate_names"`
	// Last is his last sign-in of those that are remembered, which are those since the start at
	// most; nil: none is.
	Last *UserSignIn `json:"last_sign_in,omitempty"`
	// Certificates are those by which he has signed in, of the sign-ins that are remembered, the
	// newest first.
	Certificates []UserCertificate `json:"certificates"`
}

// A UserName is a name in a certificate that names a user.
type UserName struct {
	Kind string `json:"kind"` // as identity.order calls it
	Name string `json:"name"`
}

// A UserSignIn is a sign-in of a user.
type UserSignIn struct {
	ID     uint64    `json:"id"`
	Time   time.Time `json:"time"`
	Result string    `json:"result"`
	Reason string    `json:"reason"`
	Server string    `json:"server,omitempty"`
	Device string    `json:"device,omitempty"` // Calling-Station-Id
}

// A UserCertificate is a certificate by which a user has signed in.
type UserCertificate struct {
	SHA256 string    `json:"sha256"`
	CA     string    `json:"ca,omitempty"`
	Seen   time.Time `json:"last_seen"`
}

func (a *api) findUser(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	if name == "" {
		fail(w, fmt.Errorf("%w: the parameter name is missing", ErrInvalid))
		return
	}
	answer(w)(a.FindUser(name))
}
