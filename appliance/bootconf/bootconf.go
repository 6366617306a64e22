// Package bootconf is gatehouse.yaml: the settings of this node that need a restart. They are
// local to the device and never part of a bundle.
//
// The wall: of Gatehouse it imports sync/strictyaml only. It opens no files (the caller hands
// in the bytes), and relative paths in it are left as they are, relative to gatehouse.yaml.
package bootconf

import (
	"path"
	"time"

	"gatehouse/sync/strictyaml"
)

// Schema is the number of the file's form that this program reads and Default has.
const Schema = 1

// A Config is gatehouse.yaml. Default has what the file may leave out; the zero Config is not
// useful.
type Config struct {
	Schema int    `yaml:"schema"`
	Node   Node   `yaml:"node"`
	Listen Listen `yaml:"listen"`
	RadSec RadSec `yaml:"radsec"`
	Fleet  Fleet  `yaml:"fleet"`
	Log    Log    `yaml:"log"`
	Limits Limits `yaml:"limits"`
}

// Limits bound what is held at once. Zero: derived from the memory of the machine.
type Limits struct {
	Conversations          int `yaml:"conversations"`            // sign-ins under way
	ConversationsPerClient int `yaml:"conversations_per_client"` // of them from one address; zero: half
}

// A Node says which gateway this is.
type Node struct {
	ID     string            `yaml:"id"`     // empty: the caller fills in the host name
	Labels map[string]string `yaml:"labels"` // what bundles select by
	URL    string            `yaml:"url"`    // for links in notices; empty: none
}

// Listen holds the addresses of all listeners, HOST:PORT with an empty host for all addresses.
// Empty: off.
type Listen struct {
	Auth      string `yaml:"auth"`       // RADIUS authentication, UDP
	Acct      string `yaml:"acct"`       // RADIUS accounting, UDP
	RadSec    string `yaml:"radsec"`     // RADIUS/TLS, TCP
	DTLS      string `yaml:"dtls"`       // RADIUS/DTLS, UDP
	CoASource string `yaml:"coa_source"` // where Disconnect- and CoA-Requests are sent from, UDP
	UI        string `yaml:"ui"`         // pages and API, HTTPS
	SSO       string `yaml:"sso"`        // SAML sign-in, HTTPS
	Metrics   string `yaml:"metrics"`    // HTTP
	GOPS      string `yaml:"gops"`       // diagnosis agent; a loopback address
}

// RadSec names the files with which RADIUS/TLS and RADIUS/DTLS are served.
type RadSec struct {
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
	CA          string `yaml:"ca"`
}

// Fleet says whose bundles are taken.
type Fleet struct {
	TrustedKeys   []string  `yaml:"trusted_keys"`   // files with minisign public keys
	RequireSigned bool      `yaml:"require_signed"` // loose files are not taken
	Pull          Pull      `yaml:"pull"`
	Heartbeat     Heartbeat `yaml:"heartbeat"`
}

// Pull says where bundles are fetched from.
type Pull struct {
	URL          string        `yaml:"url"`           // empty: nowhere; {id} stands for the node
	SignatureURL string        `yaml:"signature_url"` // empty: beside it, with .minisig
	Interval     time.Duration `yaml:"interval"`      // at least a minute
	CA           string        `yaml:"ca"`            // file; empty: the system's
	Proxy        string        `yaml:"proxy"`         // URL; empty: none
}

// Heartbeat says where this gateway reports to how it is doing. It stands here and not in a bundle:
// whoever may sign bundles must not be able to move what watches them.
type Heartbeat struct {
	URL      string        `yaml:"url"`      // empty: nowhere; it may hold a token, and is no more secret than this file
	Interval time.Duration `yaml:"interval"` // at least a minute
	CA       string        `yaml:"ca"`       // file; empty: the system's
}

// Log says what is logged and how.
type Log struct {
	Level    string `yaml:"level"`     // debug, info, warn or error
	Format   string `yaml:"format"`    // auto, json or text; auto: JSON when not a terminal
	Syslog   string `yaml:"syslog"`    // tcp://, tls:// or udp://HOST:PORT of a collector; empty: none
	SyslogCA string `yaml:"syslog_ca"` // file, of tls://; empty: the system's
}

// Default returns the Config of an empty file, with no node ID. The caller owns it.
func Default() *Config {
	return &Config{
		Schema: Schema,
		Listen: Listen{
			Auth: ":1812", Acct: ":1813", UI: ":8443", Metrics: "127.0.0.1:9812",
		},
		RadSec: RadSec{
			Certificate: "radsec/certificate.pem", Key: "radsec/key.pem", CA: "radsec/ca.pem",
		},
		Fleet: Fleet{TrustedKeys: []string{"fleet.pub"}, Pull: Pull{Interval: 5 * time.Minute},
			Heartbeat: Heartbeat{Interval: 5 * time.Minute}},
		Log: Log{Level: "info", Format: "auto"},
	}
}

// Files returns the relative names of the files that c names. The caller owns the slice.
func (c *Config) Files() []string {
	var files []string
	for _, name := range append([]string{
		c.RadSec.Certificate, c.RadSec.Key, c.RadSec.CA, c.Fleet.Pull.CA, c.Fleet.Heartbeat.CA, c.Log.SyslogCA,
	}, c.Fleet.TrustedKeys...) {
		if name != "" && !path.IsAbs(name) {
			files = append(files, path.Clean(name))
		}
	}
	return files
}

// Parse reads gatehouse.yaml over the defaults and returns all that is wrong with it. Only a
// Config that comes without problems may be used. A missing file is that of no bytes.
func Parse(data []byte) (*Config, []strictyaml.Problem) {
	c := Default()
	at, problems := strictyaml.Decode(data, c)
	broken := make(map[strictyaml.Position]bool, len(problems))
	for _, p := range problems {
		broken[strictyaml.Position{Line: p.Line, Column: p.Column}] = true
	}
	for _, f := range c.Validate() {
		p := at.Of(f.Path)
		if broken[p] {
			continue // what could not be decoded has been reported
		}
		problems = append(problems, strictyaml.Problem{
			Line: p.Line, Column: p.Column, Text: f.Path + ": " + f.Text, Remedy: f.Remedy,
		})
	}
	return c, problems
}
