package webui

import (
	"net/http"
	"slices"
	"strings"

	"gatehouse/authcore/policy"
)

// BundleContents is what a version of the configuration consists of.
type BundleContents struct {
	Version *BundleVersion `json:"version"` // null: the loose files in force
	Objects []BundleObject `json:"objects"` // by path
	Secrets int            `json:"secrets"` // values that came encrypted beside them
}

// A BundleObject is one file, without what a secret in it could be guessed by.
type BundleObject struct {
	Path        string `json:"path"`
	Kind        string `json:"kind"`                  // in words
	Size        int64  `json:"size,omitempty"`        // bytes
	SHA256      string `json:"sha256,omitempty"`      // lower hex
	Fingerprint string `json:"fingerprint,omitempty"` // of its certificate; of a key, of the one it fits
	Encrypted   bool   `json:"encrypted"`             // it travels so
	Secret      bool   `json:"secret"`                // neither size nor hash is said: it holds one
}

// BundleChanges are what is different in another version. Lists are bounded, and the number of
// what is left out stands beside them.
type BundleChanges struct {
	From        BundleVersion      `json:"from"`
	To          BundleVersion      `json:"to"`
	Objects     []BundleFileChange `json:"objects"` // by path
	MoreObjects int                `json:"more_objects"`
	NotCompared string             `json:"not_compared,omitempty"` // why files are all that was compared
	Changes     []BundleChange     `json:"changes"`                // in CAs, servers, apps, policy
	MoreChanges int                `json:"more_changes"`
	Users       BundleUserChanges  `json:"users"`

	// Accounts and tokens are named to administrators and at the device, and counted for others.
	Access        []BundleChange `json:"access,omitempty"`
	AccessChanged int            `json:"access_changed"`
}

// Any reports whether anything is different.
func (c *BundleChanges) Any() bool {
	return len(c.Objects)+len(c.Changes)+c.AccessChanged > 0 || c.Users.Any()
}

// A BundleFileChange is one file that is different.
type BundleFileChange struct {
	Op   string `json:"op"` // added, removed or changed
	Path string `json:"path"`
	Kind string `json:"kind"`
}

// A BundleChange is one thing that is different, in words of what administrators make.
type BundleChange struct {
	Op     string `json:"op"` // added, removed or changed
	Kind   string `json:"kind"`
	Name   string `json:"name,omitempty"`
	Of     string `json:"of,omitempty"`     // of a client: its RADIUS server
	Text   string `json:"text,omitempty"`   // what has changed
	Secret bool   `json:"secret,omitempty"` // a secret has
}

// BundleUserChanges says how many users are different.
type BundleUserChanges struct {
	Added   int `json:"added"`
	Removed int `json:"removed"`
	Changed int `json:"changed"`
	Secrets int `json:"secrets"` // of the changed, those with another password, hash or TOTP seed
}

// Any reports whether any is.
func (u BundleUserChanges) Any() bool { return u != BundleUserChanges{} }

func (a *api) bundleContents(w http.ResponseWriter, r *http.Request) {
	c, err := a.Bundles.Contents(r.URL.Query().Get("version"))
	if err != nil {
		fail(w, err)
		return
	}
	writeJSON(w, c)
}

func (a *api) bundleChanges(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	c, err := a.Bundles.Changes(query.Get("from"), query.Get("to"))
	if err != nil {
		fail(w, err)
		return
	}
	if !seesAccounts(r) {
		c.Access = nil
	}
	writeJSON(w, c)
}

// seesAccounts reports whether who sent r may know the accounts and tokens by name: an
// administrator who is signed in, and whoever is at the device. A program is told their number.
func seesAccounts(r *http.Request) bool {
	c, ok := r.Context().Value(callerKey{}).(caller)
	return !ok || c.person != nil && c.person.may(policy.RoleAdmin)
}

// discreetChanges says of settings that hold addresses of people only that they have changed.
func discreetChanges(changes func(from, to string) (*BundleChanges, error)) func(from, to string) (*BundleChanges, error) {
	return func(from, to string) (*BundleChanges, error) {
		c, err := changes(from, to)
		if err != nil {
			return nil, err
		}
		quiet := *c
		quiet.Changes = slices.Clone(c.Changes)
		for i := range quiet.Changes {
			row := &quiet.Changes[i]
			if key, _, ok := strings.Cut(row.Text, ": "); ok && (key == "notify" || strings.HasPrefix(key, "notices.")) {
				row.Text = key + " changed"
			}
		}
		return &quiet, nil
	}
}
