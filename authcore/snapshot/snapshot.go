// Package snapshot holds one complete, validated configuration as an immutable value. A Draft
// is being built, a Snapshot is sealed, a Holder is the one atomic pointer through which a
// change goes live. It reads no files (sync/load does) and holds no conversation.
package snapshot

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/pki"
	"gatehouse/authcore/policy"
)

// A CA is one ca/<name>.pem with its ca/<name>.yaml.
type CA struct {
	*pki.CA
	Scope      policy.Scope
	Revocation policy.Revocation // policy.yaml's with this CA's keys over it
	Lists      []List            // the CRLs of ca/<name>.crl
}

// A List is a CRL as it was read, signed by one of the CA's certificates. Whoever uses it
// verifies it.
type List struct {
	Name       string // of the file
	DER        []byte
	NextUpdate time.Time
}

// A Draft is a configuration being built. It has one owner. Every field is required unless
// said otherwise; Seal checks that the parts fit together.
type Draft struct {
	Hash        [32]byte // over paths and contents of what it was read from
	Policy      policy.Policy
	Servers     []*policy.Server
	CAs         []*CA
	Credentials []*pki.Credential // ECDSA first
	IDP         *IDP              // nil: nobody signs in to web applications
	Apps        []*App            // by name; may be empty
	UserSets    []identity.Set    // re-readable; an Indexer turns them into Users
	UsersHash   [32]byte          // what an index of UserSets is known by; see load.Options.Unchanged
	Users       identity.Users    // nil: to be indexed
	Admins      policy.Admins     // who manages the gateway; may be nobody
}

// A Server is a RADIUS server with the trust of its CAs worked out.
type Server struct {
	*policy.Server
	Trust *pki.Trust
	Hints *x509.CertPool // whose names a TLS CertificateRequest may list
	// TrustHash stands for all that decides whose certificate is believed here: the server and
	// its method, anchors, scopes, the EAP and identity rules. Users and replies are not in
	// it: an edit of those leaves TLS sessions resumable, for they are judged anew anyway.
	TrustHash [sha256.Size]byte
}

func newServer(sv *policy.Server, cas []*CA, p *policy.Policy) *Server {
	s := &Server{Server: sv, Hints: x509.NewCertPool()}
	chains := make([]*pki.CA, len(cas))
	hash := sha256.New()
	fmt.Fprintf(hash, "%q %q %+v %+v", sv.Name, sv.Method, p.EAP, p.Identity)
	for i, ca := range cas {
		chains[i] = ca.CA
		fmt.Fprintf(hash, " %q %q", ca.Scope.Domains, ca.Scope.Groups)
		for _, list := range [][]*x509.Certificate{ca.Anchors, ca.Intermediates} {
			for _, certificate := range list {
				s.Hints.AddCert(certificate)
			}
		}
	}
	s.Trust = pki.NewTrust(chains)
	anchors := s.Trust.Hash()
	hash.Write(anchors[:])
	s.TrustHash = [sha256.Size]byte(hash.Sum(nil))
	return s
}

// A Snapshot is one complete, validated configuration. It is immutable: no field, slice or map
// reachable from it may be written. Share it freely.
type Snapshot struct {
	generation  uint64
	hash        [32]byte
	policy      policy.Policy
	servers     map[string]*Server
	clients     *policy.Clients
	cas         map[string]*CA
	credentials []tls.Certificate
	users       identity.Users
	idp         *IDP
	apps        map[string]*App
	draft       *Draft
}

// Seal turns d into a Snapshot numbered generation, and takes ownership of it. It refuses a
// Draft without credentials, with a server that names an unknown CA, with overlapping clients,
// or a passwordless server without CA: the loader finds the same faults first, with file and
// line; this is the last line of defence.
func (d *Draft) Seal(generation uint64) (*Snapshot, error) {
	if len(d.Credentials) == 0 {
		return nil, errors.New("sealing the configuration: no server credential in server/")
	}
	if len(d.Servers) == 0 {
		return nil, errors.New("sealing the configuration: no RADIUS server in radius/")
	}
	if d.Users == nil {
		return nil, errors.New("sealing the configuration: the users have not been indexed")
	}
	s := &Snapshot{
		generation: generation, hash: d.Hash, policy: d.Policy, draft: d,
		users:   d.Users,
		servers: make(map[string]*Server, len(d.Servers)),
		cas:     make(map[string]*CA, len(d.CAs)),
	}
	for _, credential := range d.Credentials {
		s.credentials = append(s.credentials, credential.TLS)
	}
	for _, ca := range d.CAs {
		s.cas[ca.Name] = ca
	}
	for _, sv := range d.Servers {
		var cas []*CA
		for _, name := range sv.CAs {
			ca, ok := s.cas[name]
			if !ok {
				return nil, fmt.Errorf("sealing the configuration: RADIUS server %q names the unknown CA %q", sv.Name, name)
			}
			cas = append(cas, ca)
		}
		if sv.Method == policy.Passwordless && len(cas) == 0 {
			return nil, fmt.Errorf("sealing the configuration: passwordless RADIUS server %q has no CA", sv.Name)
		}
		s.servers[sv.Name] = newServer(sv, cas, &d.Policy)
	}
	clients, err := policy.NewClients(d.Servers)
	if err != nil {
		return nil, fmt.Errorf("sealing the configuration: %w", err)
	}
	s.clients = clients
	if err := s.openDoors(d); err != nil {
		return nil, err
	}
	return s, nil
}

// Generation numbers Snapshots of one run, from 1.
func (s *Snapshot) Generation() uint64 { return s.generation }

// Hash identifies the content that the Snapshot was read from.
func (s *Snapshot) Hash() [32]byte { return s.hash }

// Policy returns the defaults for all servers.
func (s *Snapshot) Policy() *policy.Policy { return &s.policy }

// Admins returns who manages the gateway.
func (s *Snapshot) Admins() *policy.Admins { return &s.draft.Admins }

// Server returns the named RADIUS server, or nil.
func (s *Snapshot) Server(name string) *Server { return s.servers[name] }

// ServerNames returns the names of all RADIUS servers in order. The caller owns the slice.
func (s *Snapshot) ServerNames() []string { return slices.Sorted(maps.Keys(s.servers)) }

// Clients returns the table of all clients.
func (s *Snapshot) Clients() *policy.Clients { return s.clients }

// CA returns the named CA, or nil.
func (s *Snapshot) CA(name string) *CA { return s.cas[name] }

// Certificates returns the EAP server credentials, ECDSA first.
func (s *Snapshot) Certificates() []tls.Certificate { return s.credentials }

// Users returns the user index.
func (s *Snapshot) Users() identity.Users { return s.users }

// Draft returns what the Snapshot was sealed from, for the loader to fall back on object by
// object. It must not be written.
func (s *Snapshot) Draft() *Draft { return s.draft }

// A Holder holds the Snapshot in force. Its zero value holds none. It is safe for concurrent
// use; Swap is the one moment at which a change of configuration goes live.
type Holder struct {
	current atomic.Pointer[Snapshot]
}

// Load returns the Snapshot in force, or nil while there is none.
func (h *Holder) Load() *Snapshot { return h.current.Load() }

// Swap puts s in force and returns what was in force before, or nil.
func (h *Holder) Swap(s *Snapshot) *Snapshot { return h.current.Swap(s) }
