package bootconf_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/bootconf"
)

func TestParseDefaults(t *testing.T) {
	for _, in := range []string{"", "schema: 1\n", "# nothing\n", "\ufeff\r\n"} {
		got, problems := bootconf.Parse([]byte(in))
		if len(problems) > 0 {
			t.Errorf("%q: %v", in, problems)
		}
		if diff := cmp.Diff(bootconf.Default(), got); diff != "" {
			t.Errorf("%q (-want +got)\n%s", in, diff)
		}
	}
}

// The file as the documentation shows it.
func TestParseWhole(t *testing.T) {
	const in = `schema: 1
node: {id: oslo-1, labels: {region: emea}, url: "https://oslo-1.example:8443"}
listen: {auth: ":1812", acct: ":1813", radsec: ":2083", dtls: ":2083", coa_source: "[2001:db8::1]:0", ui: "192.0.2.1:8443", sso: "", metrics: "127.0.0.1:9812", gops: "127.0.0.1:0"}
radsec: {certificate: radsec/certificate.pem, key: radsec/key.pem, ca: radsec/ca.pem}
fleet: {trusted_keys: [fleet.pub], require_signed: true, pull: {url: "https://fleet.example/{id}.tar.gz", interval: 10m, ca: fleet.pem, proxy: "http://proxy.example:3128"}, heartbeat: {url: "https://watch.example/t0ken", interval: 2m, ca: watch.pem}}
log: {level: debug, format: text, syslog: "log.example:514"}
limits: {conversations: 4000, conversations_per_client: 100}
`
	want := &bootconf.Config{
		Schema: 1,
		Node: bootconf.Node{ID: "oslo-1", Labels: map[string]string{"region": "emea"},
			URL: "https://oslo-1.example:8443"},
		Listen: bootconf.Listen{Auth: ":1812", Acct: ":1813", RadSec: ":2083", DTLS: ":2083",
			CoASource: "[2001:db8::1]:0", UI: "192.0.2.1:8443", Metrics: "127.0.0.1:9812", GOPS: "127.0.0.1:0"},
		RadSec: bootconf.Default().RadSec,
		Fleet: bootconf.Fleet{TrustedKeys: []string{"fleet.pub"}, RequireSigned: true,
			Pull: bootconf.Pull{URL: "https://fleet.example/{id}.tar.gz", Interval: 10 * time.Minute,
				CA: "fleet.pem", Proxy: "http://proxy.example:3128"},
			Heartbeat: bootconf.Heartbeat{URL: "https://watch.example/t0ken", Interval: 2 * time.Minute,
				CA: "watch.pem"}},
		Log:    bootconf.Log{Level: "debug", Format: "text", Syslog: "log.example:514"},
		Limits: bootconf.Limits{Conversations: 4000, ConversationsPerClient: 100},
	}
	got, problems := bootconf.Parse([]byte(in))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

const syslogForms = `write "tls://log.example:6514", "tcp://192.0.2.1:514" or "udp://[2001:db8::1]:514"; "" is off`

func TestCollector(t *testing.T) {
	long := strings.Repeat("label.", 15) + "example:6514"
	for in, want := range map[string][2]string{
		"":                      {"", ""},
		"log.example:514":       {"tcp", "log.example:514"},
		"192.0.2.1:514":         {"tcp", "192.0.2.1:514"},
		"tcp://[::1]:514":       {"tcp", "[::1]:514"},
		"udp://log.example:514": {"udp", "log.example:514"},
		"tls://" + long:         {"tls", long},
	} {
		c := bootconf.Default()
		c.Log.Syslog = in
		if findings := c.Validate(); len(findings) > 0 {
			t.Errorf("%q: findings %v", in, findings)
		}
		if transport, address := c.Log.Collector(); transport != want[0] || address != want[1] {
			t.Errorf("%q: got %q and %q, want %q", in, transport, address, want)
		}
	}
}

func TestParseProblems(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"schema", "schema: 2", []string{"1:9: schema: schema 2 is newer than this program knows — upgrade Gatehouse, or write schema: 1"}},
		{"limits", "limits: {conversations: -1}", []string{"1:25: limits.conversations: -1 is out of range — " +
			"write 0, to derive it from the memory of the machine, or up to 65536"}},
		{"schema zero", "schema: 0", []string{"1:9: schema: unknown schema 0 — write schema: 1"}},
		{"unknown key", "listen: {auht: \":1\"}", []string{`1:10: unknown key "auht" — did you mean "auth"?`}},
		{"one report each", "schema: one", []string{"1:9: expected a whole number, found text"}},
		{"addresses", "listen: {auth: 1812, acct: \"host:1\", ui: \":99999\", sso: \"[::1\", dtls: \"::1:5\", metrics: \"[]:1\"}", []string{
			`1:16: listen.auth: not HOST:PORT — write ":1812", "192.0.2.1:1812" or "[2001:db8::1]:1812"; "" is off`,
			"1:28: listen.acct: the host is not an IP address",
			`1:71: listen.dtls: not HOST:PORT — write ":1812", "192.0.2.1:1812" or "[2001:db8::1]:1812"; "" is off`,
			"1:42: listen.ui: the port is not a number from 0 to 65535",
			`1:57: listen.sso: not HOST:PORT — write ":1812", "192.0.2.1:1812" or "[2001:db8::1]:1812"; "" is off`,
			`1:89: listen.metrics: not HOST:PORT — write ":1812", "192.0.2.1:1812" or "[2001:db8::1]:1812"; "" is off`}},
		{"address used twice", "listen: {auth: \":1\", acct: \":1\", ui: \":2\", sso: \":2\"}", []string{
			"1:28: listen.acct: the same address as listen.auth — give each its own port",
			"1:49: listen.sso: the same address as listen.ui — give each its own port"}},
		{"gops on the network", "listen: {gops: \"192.0.2.1:0\"}", []string{
			"1:16: listen.gops: not a loopback address — write 127.0.0.1:0"}},
		{"gops everywhere", "listen: {gops: \":7000\"}", []string{
			"1:16: listen.gops: not a loopback address — write 127.0.0.1:0"}},
		{"radsec without files", "listen: {radsec: \":2083\"}\nradsec: {certificate: \"\"}", []string{
			"2:23: radsec.certificate: no file named — listen.radsec and listen.dtls need one"}},
		{"node", "node: {id: \"a b\", url: oslo, labels: {\"x y\": z}}", []string{
			"1:12: node.id: not usable as an ID — use up to 64 letters, digits, dots, hyphens and underscores",
			`1:38: node.labels: label "x y" is not usable — use plain words`,
			"1:24: node.url: not an address this can be — write https://HOST…"}},
		{"fleet", "fleet: {trusted_keys: [], require_signed: true, pull: {url: \"http://x\", interval: 5s, proxy: x}}", []string{
			"1:43: fleet.require_signed: no bundle can be taken without a key — name one in fleet.trusted_keys",
			"1:83: fleet.pull.interval: too short — write 1m or more",
			"1:61: fleet.pull.url: not an address this can be — write https://HOST…",
			"1:94: fleet.pull.proxy: not an address this can be — write http://HOST…"}},
		{"heartbeat", "fleet: {heartbeat: {url: \"http://watch.example/t0ken\", interval: 30s}}", []string{
			"1:66: fleet.heartbeat.interval: too short — write 1m or more",
			"1:26: fleet.heartbeat.url: not an address this can be — write https://HOST…"}},
		{"log", "log: {level: inof, format: xml, syslog: \":514\"}", []string{
			`1:14: log.level: unknown value "inof" — did you mean "info"?`,
			`1:28: log.format: unknown value "xml" — known here: auto, json, text`,
			`1:41: log.syslog: the host is neither a name nor an IP address — ` + syslogForms}},
		{"syslog transport", "log: {syslog: \"relp://log.example:2514\"}", []string{
			`1:15: log.syslog: unknown transport "relp" — ` + syslogForms}},
		{"syslog port", "log: {syslog: \"tls://log.example\"}", []string{
			`1:15: log.syslog: not HOST:PORT — ` + syslogForms}},
		{"syslog port zero", "log: {syslog: \"udp://log.example:0\"}", []string{
			"1:15: log.syslog: the port is not a number from 1 to 65535"}},
		{"syslog path", "log: {syslog: \"tcp://log.example:514/x\"}", []string{
			"1:15: log.syslog: the port is not a number from 1 to 65535"}},
		{"syslog user", "log: {syslog: \"tls://user@log.example:514\"}", []string{
			`1:15: log.syslog: the host is neither a name nor an IP address — ` + syslogForms}},
		{"syslog CA without TLS", "log: {syslog: \"tcp://[2001:db8::1]:514\", syslog_ca: log.pem}", []string{
			"1:53: log.syslog_ca: it vouches for nobody: log.syslog is not tls://HOST:PORT"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := bootconf.Parse([]byte(tt.in))
			var got []string
			for _, p := range problems {
				got = append(got, p.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestValidateManyLabels(t *testing.T) {
	c := bootconf.Default()
	c.Node.Labels = map[string]string{}
	for i := range 40 {
		c.Node.Labels[strings.Repeat("x", i+1)] = "y"
	}
	if got := c.Validate(); len(got) != 1 || got[0].Path != "node.labels" {
		t.Errorf("findings %v", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("schema: 1\nlisten: {auth: \"[::1]:1812\"}\n"))
	f.Add([]byte("fleet: {pull: {url: \"https://{id}\", interval: 5m}}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, problems := bootconf.Parse(data)
		if len(problems) == 0 && len(c.Validate()) > 0 {
			t.Errorf("%q: findings without problems", data)
		}
	})
}
