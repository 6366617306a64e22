package main

import (
	"fmt"

	"gatehouse/authcore/pki/lab"
)

// The names of the demo.
const (
	demoServerName = "radius.demo.example"
	demoUser       = "demo"
	demoEmail      = "demo@demo.example"
	demoAuth       = "127.0.0.1:18120"
)

// demoMaterial is what the demo's files are made of.
type demoMaterial struct {
	userCA, serverCA *lab.CA
	user, ecdsa, rsa *lab.Leaf
	secret           string
}

func newDemoMaterial() (*demoMaterial, error) {
	m := &demoMaterial{secret: newSecret()}
	for _, make := range []func() error{
		func() (err error) {
			m.userCA, err = lab.NewCA(lab.CAOptions{Name: uniqueName("demo user CA")})
			return err
		},
		func() (err error) {
			m.serverCA, err = lab.NewCA(lab.CAOptions{Name: uniqueName("demo server CA")})
			return err
		},
		func() (err error) {
			m.user, err = m.userCA.IssueUser(lab.UserOptions{Kind: lab.EmailSAN, Identity: demoEmail})
			return err
		},
		func() (err error) { m.ecdsa, err = m.issueServer(lab.P256); return err },
		func() (err error) { m.rsa, err = m.issueServer(lab.RSA2048); return err },
	} {
		if err := make(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *demoMaterial) issueServer(kind lab.KeyKind) (*lab.Leaf, error) {
	return m.serverCA.IssueServer(lab.ServerOptions{
		DNSNames: []string{demoServerName}, Options: lab.Options{KeyKind: kind},
	})
}

// demoFiles makes the files of the demo, and what is to be said of them.
func demoFiles(r *initReport) ([]newFile, error) {
	m, err := newDemoMaterial()
	if err != nil {
		return nil, err
	}
	probe := demoProbe(r)
	state := shellWord(r.Directory + "-state")
	r.Notes = []string{
		"Revocation is not checked in it (ocsp: off in policy.yaml): the demo runs no responder.",
		"Its keys lie about in demo/: never use them for a network that matters.",
	}
	r.Next = []string{
		"gatehouse check " + r.path(),
		"gatehouse serve --config " + r.path() + " --state " + state,
		probe,
		"gatehouse cert test " + r.path("demo", "user.pem") + " --config " + r.path(),
	}
	return []newFile{
		publicFile("gatehouse.yaml", demoBoot),
		publicFile("policy.yaml", demoPolicy),
		secretFile("radius/demo.yaml", fmt.Appendf(nil, demoRADIUS, m.secret, m.secret)),
		publicFile("ca/demo.pem", string(m.userCA.CertificatePEM())),
		publicFile("server/ecdsa/certificate.pem", string(m.ecdsa.CertificatePEM())),
		secretFile("server/ecdsa/key.pem", m.ecdsa.KeyPEM()),
		publicFile("server/rsa/certificate.pem", string(m.rsa.CertificatePEM())),
		secretFile("server/rsa/key.pem", m.rsa.KeyPEM()),
		publicFile("users/demo.yaml", demoUsers),
		publicFile("demo/README.md", fmt.Sprintf(demoReadme, state, r.path(), probe)),
		publicFile("demo/user.pem", string(m.user.CertificatePEM())),
		secretFile("demo/user-key.pem", m.user.KeyPEM()),
		publicFile("demo/server-ca.pem", string(m.serverCA.CertificatePEM())),
		secretFile("demo/secret", []byte(m.secret+"\n")),
		publicFile("demo/ca.pem", string(m.userCA.CertificatePEM())),
		secretFile("demo/ca-key.pem", m.userCA.KeyPEM()),
	}, nil
}

// demoProbe is the command line that signs the demo user in.
func demoProbe(r *initReport) string {
	return "gatehouse probe --server " + demoAuth + " --secret-file " + r.path("demo", "secret") +
		" --identity " + demoUser + " --cert " + r.path("demo", "user.pem") +
		" --key " + r.path("demo", "user-key.pem") + " --ca " + r.path("demo", "server-ca.pem") +
		" --server-name " + demoServerName
}

const demoBoot = `# A demo on loopback addresses and high ports: no root needed, nobody else can reach it.
schema: 1
node: {id: demo}
listen: {auth: "` + demoAuth + `", acct: "", ui: "127.0.0.1:18443", metrics: "127.0.0.1:19812"}
`

const demoPolicy = `# The demo runs no OCSP responder, so revocation is off here: a revoked certificate would be
# accepted. In real life leave ocsp at its default, require.
revocation: {ocsp: off}
`

const demoRADIUS = `# A RADIUS server for whoever asks from this machine.
authentication:
  method: passwordless
  ca: [demo]
clients:
  - {name: loopback-ipv4, address: 127.0.0.0/8, secret: "%s"}
  - {name: loopback-ipv6, address: "::1", secret: "%s"}
`

const demoUsers = `- username: ` + demoUser + `
  email: ` + demoEmail + `
  name: Demo User
  groups: [demo]
`

const demoReadme = `# Demo material

What a device of the demo user has, and the CA that it came from. None of it is read by the
appliance, and none of it is for a network that matters.

| file | what it is |
|---|---|
| user.pem, user-key.pem | certificate and key of the demo user |
| server-ca.pem | the CA that the device trusts for the RADIUS server |
| secret | shared secret between access point and RADIUS server |
| ca.pem, ca-key.pem | the CA that vouches for users: issue more with gatehouse pki issue |

Start the appliance, with its state in %[1]s, and sign in:

    gatehouse serve --config %[2]s --state %[1]s
    %[3]s
`
