package main

import (
	"fmt"
	"os"
	"strings"

	"gatehouse/authcore/pki/lab"
)

// starterServerName is what devices are to expect in the certificate of a starter
// configuration.
const starterServerName = "radius.%s"

// starterFiles makes the files of a configuration for use, and what is to be said of them.
func starterFiles(r *initReport) ([]newFile, error) {
	name := serverName()
	ca, err := lab.NewCA(lab.CAOptions{Name: uniqueName("server CA")})
	if err != nil {
		return nil, err
	}
	server, err := ca.IssueServer(lab.ServerOptions{DNSNames: []string{name}})
	if err != nil {
		return nil, err
	}
	chain := string(server.CertificatePEM()) + string(ca.CertificatePEM())
	r.Notes = []string{
		"The server credential in server/main is self-made, so that there is one: " + name + ".",
		"Files with secrets and keys are readable by their owner only: who runs the service must own them.",
		"There is no CA for users yet: put yours into ca/ and name it in radius/branch-wifi.yaml.",
	}
	r.Next = []string{"gatehouse check " + r.path(), "gatehouse serve --config " + r.path()}
	return []newFile{
		publicFile("gatehouse.yaml", starterBoot),
		publicFile("policy.yaml", starterPolicy),
		secretFile("radius/branch-wifi.yaml", fmt.Appendf(nil, starterRADIUS, newSecret())),
		publicFile("users/staff.yaml", starterUsers),
		publicFile("ca/README.md", starterCAReadme),
		publicFile("server/main/README.md", fmt.Sprintf(starterServerReadme, name)),
		publicFile("server/main/certificate.pem", chain),
		secretFile("server/main/key.pem", server.KeyPEM()),
	}, nil
}

// serverName is the name of the self-made server credential: of this host, where that gives a
// name with a dot.
func serverName() string {
	host, err := os.Hostname()
	if err != nil || !strings.Contains(host, ".") {
		return fmt.Sprintf(starterServerName, "gatehouse.example")
	}
	return strings.ToLower(host)
}

const starterBoot = `# The settings of this gateway. A change needs a restart; everything else in this directory is
# read again while running. What is commented out is the default.
schema: 1
# node: {id: "", labels: {}, url: ""}          # id: the host name; url: for links in notices
# listen:                                      # "" is off
#   auth: ":1812"                              # RADIUS authentication
#   acct: ":1813"                              # RADIUS accounting
#   radsec: ""                                 # RADIUS/TLS
#   dtls: ""                                   # RADIUS/DTLS
#   coa_source: ""                             # where Disconnect- and CoA-Requests come from
#   ui: ":8443"                                # pages and API
#   sso: ""                                    # SAML sign-in
#   metrics: "127.0.0.1:9812"
#   gops: ""                                   # diagnosis, loopback only
# radsec: {certificate: radsec/certificate.pem, key: radsec/key.pem, ca: radsec/ca.pem}
# fleet: {trusted_keys: [fleet.pub], require_signed: false, pull: {url: "", interval: 5m, ca: "", proxy: ""}}
# log: {level: info, format: auto, syslog: ""}   # format: auto, json or text
# limits: {conversations: 0, conversations_per_client: 0}   # 0: by the memory of the machine
`

// starterPolicy has every key with its default, commented out, but for the grace.
const starterPolicy = `# The defaults for all RADIUS servers. What is commented out is the default.
# eap:
#   methods: [tls, ttls, peap]
#   tls_min: "1.2"
#   tls_max: "1.3"
#   fragment_size: 1020          # bytes of an EAP packet, 100 to 4000; Framed-MTU lowers it
#   session_lifetime: 8h         # how long a TLS session may be resumed; 0s: never
#   reject_delay: 1s             # at least 500ms
#   ca_hints: false              # name the CAs to the device
#   post_quantum: false
# identity:                      # which user a certificate names; order may also name san_dns (machines)
#   order: [san_email, san_upn, dn_email, cn]
#   fold_local_part: true        # upper and lower case before the @ are the same
#   require_client_auth: true    # the certificate must be meant for clientAuth
#   allow_eap_over_lan: true     # or for eapOverLAN
# Is the certificate still good? By default every authentication needs a good status, from the
# responder that the certificate names or from the cache, and a certificate that names no responder
# is refused (ocsp_no_responder). ca/NAME.yaml may override any of these keys for one CA; a list of
# revoked certificates goes into ca/NAME.crl. gatehouse ocsp check CERT shows how asking goes.
revocation:
  # ocsp: require                # require | prefer (unavailable: accept and say so) | off
  # no_responder: reject         # a certificate names none: reject | responder | crl | allow
  # intermediates: when_named    # when_named | strict | off
  # order: [ocsp, crl]
  # budget: 3s                   # how long one person waits for an answer
  # nonce: false
  # max_age: 0s                  # 0s: until the answer's own end
  grace: 24h                     # a status that was good counts this long after its end, so that a dead
                                 # WAN locks nobody out (default 0s); never for a revoked certificate
  # skew: 5m
# clock: {when_unsure: reject}   # reject | accept_cached
# password: {totp_separator: ",", lockout: {after: 10, for: 15m}}
# notices: {days: [60, 30, 7, 1], webhook: "", smtp: {address: "", from: "", to: [], username: ""}}
#                                # smtp.password_file: the file with the password
# groups: {priority: []}         # the first named wins where groups disagree
# allow_empty: false             # may a configuration without CA or without users go live?
`

const starterRADIUS = `# A RADIUS server is a named set of access points with one policy; its name is this file's.
# match: {ssid: [], nas_identifier: []}    # several servers may share clients when these differ
authentication:
  method: passwordless
  ca: []                                   # name your CA here: acme for ca/acme.pem
clients:                                   # your access points, one by one or by prefix
  - name: access-points
    address: 192.0.2.0/24
    secret: "%s"
#  - {name: this-gateway, address: 127.0.0.1, secret: "…"}     # to try it from here: gatehouse probe
# users: {groups: []}                      # empty: every active user
# reply:                                   # the first rule that matches
#   - {groups: [guests], vlan: "30"}
`

const starterUsers = `# One entry a person; the certificate must name the username, the e-mail address or an alias.
- username: alice
  email: alice@acme.example
  name: Alice Example
  groups: [staff]
  state: suspended                         # an example: put your people here, with state: active
`

const starterCAReadme = `# CAs that vouch for users

Put the certificate of your CA here, with its intermediates, as NAME.pem, and name it under
authentication.ca in radius/*.yaml. NAME.yaml beside it may limit the CA to domains and groups:

    scope: {domains: [acme.example], groups: []}

Whether a certificate is still good is asked of the OCSP responder that it names; gatehouse ocsp check
CERT shows how that goes. A list of the revoked ones goes into NAME.crl. More for NAME.yaml:

    revocation: {no_responder: crl}              a certificate names no responder: by the list
    revocation: {allow_addresses: [127.0.0.1]}   the responder runs on this machine, as gatehouse pki ocsp
    revocation: {ocsp: off}                      nobody asks

For a pilot without a CA: gatehouse pki ca, pki issue --ocsp, pki ocsp.
`

const starterServerReadme = `# Server credential

What devices see before they show their own certificate: certificate.pem (leaf first) and key.pem.
This one was made by gatehouse init for %s. Replace it by one of your own CA before devices
are set up, or give them the second certificate in certificate.pem as the CA to trust. The key of
that CA was thrown away, so this credential cannot be renewed, only replaced.
`
