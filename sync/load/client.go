package load

import (
	"encoding/hex"
	"fmt"
	"strings"

	"gatehouse/authcore/policy"
)

// Bounds of a shared secret.
const (
	minGoodSecret = 12 // bytes; shorter ones are guessed from recorded packets (RFC 2865 §3)
	maxSecret     = 1024
	maxClients    = 10_000 // of one server
)

// clientYAML is one entry of clients.
type clientYAML struct {
	Name                 string    `yaml:"name"`
	Address              string    `yaml:"address"`
	Secret               string    `yaml:"secret"`
	SecretFile           string    `yaml:"secret_file"`
	SecretRef            string    `yaml:"secret_ref"`
	MessageAuthenticator string    `yaml:"message_authenticator"`
	AllowPAP             bool      `yaml:"allow_pap"`
	AllowMSCHAP          bool      `yaml:"allow_mschap"`
	CoA                  coaYAML   `yaml:"coa"`
	TLS                  *peerYAML `yaml:"tls"`
}

type coaYAML struct {
	Port       uint16 `yaml:"port"`
	Secret     string `yaml:"secret"`
	SecretFile string `yaml:"secret_file"`
	SecretRef  string `yaml:"secret_ref"`
}

type peerYAML struct {
	SAN    string `yaml:"san"`
	SHA256 string `yaml:"sha256"`
}

// clients judges the list of clients. The result has an entry for each.
func (d *document) clients(ys []clientYAML) []policy.Client {
	if len(ys) > maxClients {
		d.report(Error, "clients", fmt.Sprintf("more than %d clients", maxClients), "give a prefix rather than every address")
		return nil
	}
	seen := make(map[string]bool, len(ys))
	var out []policy.Client
	for i := range ys {
		at := fmt.Sprintf("clients[%d]", i)
		name := ys[i].Name
		switch {
		case name == "":
			d.report(Error, at, "the client has no name", "write name: ap-floor1 or the like")
		case !isLabel(name):
			d.report(Error, at+".name", "the name is not usable", "use up to 64 printable characters")
		case seen[name]:
			d.report(Error, at+".name", fmt.Sprintf("a second client called %q", name), "give each its own name")
		}
		seen[name] = true
		out = append(out, d.client(at, &ys[i]))
	}
	return out
}

func (d *document) client(at string, y *clientYAML) policy.Client {
	c := policy.Client{
		Name: y.Name, AllowPAP: y.AllowPAP, AllowMSCHAP: y.AllowMSCHAP,
		MessageAuthenticator: policy.MARequire, CoAPort: y.CoA.Port,
	}
	mode := at + ".message_authenticator"
	if d.at.Has(mode) && d.oneOf(mode, y.MessageAuthenticator,
		string(policy.MARequire), string(policy.MAAuto), string(policy.MAOff)) {
		c.MessageAuthenticator = policy.MAMode(y.MessageAuthenticator)
	}
	if c.MessageAuthenticator == policy.MAOff {
		d.report(Warning, mode,
			"message_authenticator: off leaves this client open to forged answers (CVE-2024-3596)",
			"update the client and write require")
	}
	c.CoASecret = d.secret(at+".coa.secret", given{y.CoA.Secret, y.CoA.SecretFile, y.CoA.SecretRef})
	if d.at.Has(at + ".tls") {
		d.tlsClient(at, y, &c)
		return c
	}
	d.address(at, y.Address, &c)
	c.Secret = d.sharedSecret(at, y)
	return c
}

func (d *document) address(at, address string, c *policy.Client) {
	if !d.at.Has(at + ".address") {
		d.report(Error, at, "the client has no address", "write address: with an IP address or a prefix such as 192.0.2.0/24")
		return
	}
	p, text, remedy := parsePrefix(address)
	if text != "" {
		d.report(Error, at+".address", "address: "+text, remedy)
		return
	}
	if p.Bits() == 0 {
		d.report(Warning, at+".address", "the client is every address there is", "name the networks of your access points")
	}
	c.Prefix = p
}

// sharedSecret is RP-15: never empty, and a warning when it is short.
func (d *document) sharedSecret(at string, y *clientYAML) policy.Secret {
	s := d.secret(at+".secret", given{y.Secret, y.SecretFile, y.SecretRef})
	where := at + ".secret"
	for _, key := range []string{at + ".secret_file", at + ".secret_ref"} {
		if d.at.Has(key) {
			where = key
		}
	}
	switch {
	case len(s) == 0 && where != at+".secret" && y.SecretFile+y.SecretRef != "":
		return nil // reported where it was read
	case len(s) == 0 && !d.at.Has(where):
		d.report(Error, at, "the client has no secret", "write secret: or secret_file:, as the access point has it")
	case len(s) == 0:
		d.report(Error, where, "the secret is empty", "give the client a secret of 16 characters or more, and the access point the same")
	case len(s) > maxSecret:
		d.report(Error, where, fmt.Sprintf("the secret has more than %d bytes", maxSecret), "")
	case len(s) < minGoodSecret:
		d.report(Warning, where, fmt.Sprintf("the secret has fewer than %d characters: it can be guessed from recorded packets", minGoodSecret),
			"use 16 random characters or more")
	}
	return s
}

// tlsClient judges a client that is known by its certificate.
func (d *document) tlsClient(at string, y *clientYAML, c *policy.Client) {
	for _, key := range []string{"address", "secret", "secret_file", "secret_ref"} {
		if d.at.Has(at + "." + key) {
			d.report(Error, at+"."+key, fmt.Sprintf("a client with tls has no %s", key),
				"make two clients of it, one over UDP and one over TLS")
		}
	}
	if y.TLS == nil || y.TLS.SAN == "" && y.TLS.SHA256 == "" {
		d.report(Error, at+".tls", "neither san nor sha256 is given", "say how the client's certificate is known")
		return
	}
	sum := strings.ToLower(strings.ReplaceAll(y.TLS.SHA256, ":", ""))
	if raw, err := hex.DecodeString(sum); sum != "" && (err != nil || len(raw) != 32) {
		d.report(Error, at+".tls.sha256", "sha256 is no SHA-256 fingerprint", "write 64 hexadecimal digits")
	}
	c.TLSSAN, c.TLSSHA256 = y.TLS.SAN, sum
}
