package bootconf

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"gatehouse/sync/strictyaml"
)

// Bounds of values that end up in logs, metrics and addresses.
const (
	maxIDLength     = 64
	maxLabels       = 32
	minPullInterval = time.Minute
	// maxConversations take 2 GiB.
	maxConversations = 1 << 16
)

// A Finding is a value that will not do.
type Finding struct {
	Path   string // of the value: "listen.auth"
	Text   string
	Remedy string
}

// validation collects findings.
type validation struct{ findings []Finding }

func (v *validation) add(path, text, remedy string) {
	v.findings = append(v.findings, Finding{path, text, remedy})
}

// Validate returns every value of c that will not do.
func (c *Config) Validate() []Finding {
	v := &validation{}
	switch {
	case c.Schema > Schema:
		v.add("schema", fmt.Sprintf("schema %d is newer than this program knows", c.Schema),
			"upgrade Gatehouse, or write schema: 1")
	case c.Schema != Schema:
		v.add("schema", fmt.Sprintf("unknown schema %d", c.Schema), "write schema: 1")
	}
	v.node(&c.Node)
	v.listen(&c.Listen)
	v.radsec(&c.Listen, &c.RadSec)
	v.fleet(&c.Fleet)
	v.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	v.oneOf("log.format", c.Log.Format, "auto", "json", "text")
	v.syslog(&c.Log)
	v.count("limits.conversations", c.Limits.Conversations)
	v.count("limits.conversations_per_client", c.Limits.ConversationsPerClient)
	return v.findings
}

// count checks a bound on what is held at once.
func (v *validation) count(path string, n int) {
	if n < 0 || n > maxConversations {
		v.add(path, fmt.Sprintf("%d is out of range", n),
			fmt.Sprintf("write 0, to derive it from the memory of the machine, or up to %d", maxConversations))
	}
}

func (v *validation) node(n *Node) {
	if !isID(n.ID) && n.ID != "" {
		v.add("node.id", "not usable as an ID",
			fmt.Sprintf("use up to %d letters, digits, dots, hyphens and underscores", maxIDLength))
	}
	if len(n.Labels) > maxLabels {
		v.add("node.labels", fmt.Sprintf("more than %d labels", maxLabels), "")
	}
	for _, key := range slices.Sorted(maps.Keys(n.Labels)) {
		value := n.Labels[key]
		if !isID(key) || strings.ContainsFunc(value, unicode.IsControl) || len(value) > 256 {
			v.add("node.labels", fmt.Sprintf("label %q is not usable", key), "use plain words")
		}
	}
	v.url("node.url", n.URL, "https", "http")
}

// isID reports whether s can stand in file names, metrics and logs.
func isID(s string) bool {
	if s == "" || len(s) > maxIDLength {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !plain && r != '.' && r != '-' && r != '_'
	})
}

// url checks a value that may be empty.
func (v *validation) url(path, s string, schemes ...string) {
	if s == "" {
		return
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
		v.add(path, "not an address this can be", fmt.Sprintf("write %s://HOST…", schemes[0]))
	}
}

func (v *validation) listen(l *Listen) {
	used := map[string]string{}
	for _, e := range []struct{ key, network, address string }{
		{"auth", "udp", l.Auth}, {"acct", "udp", l.Acct}, {"radsec", "tcp", l.RadSec},
		{"dtls", "udp", l.DTLS}, {"coa_source", "udp", l.CoASource}, {"ui", "tcp", l.UI},
		{"sso", "tcp", l.SSO}, {"metrics", "tcp", l.Metrics}, {"gops", "tcp", l.GOPS},
	} {
		path := "listen." + e.key
		if e.address == "" || !v.address(path, e.address) {
			continue
		}
		if strings.HasSuffix(e.address, ":0") {
			continue // a port of the system's choosing: never the same twice
		}
		if first, taken := used[e.network+e.address]; taken {
			v.add(path, fmt.Sprintf("the same address as listen.%s", first), "give each its own port")
			continue
		}
		used[e.network+e.address] = e.key
	}
	host, _, ok := cutPort(l.GOPS)
	if addr, err := netip.ParseAddr(host); ok && (host == "" || err == nil && !addr.IsLoopback()) {
		v.add("listen.gops", "not a loopback address", "write 127.0.0.1:0")
	}
}

// address checks HOST:PORT and reports whether it will do. HOST is an IP address or empty.
func (v *validation) address(path, s string) bool {
	host, port, ok := cutPort(s)
	if !ok {
		v.add(path, "not HOST:PORT",
			`write ":1812", "192.0.2.1:1812" or "[2001:db8::1]:1812"; "" is off`)
		return false
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		v.add(path, "the port is not a number from 0 to 65535", "")
		return false
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" {
		v.add(path, "the host is not an IP address", "")
		return false
	}
	return true
}

// cutPort splits HOST:PORT, with the brackets off an IPv6 address.
func cutPort(s string) (host, port string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", "", false
	}
	host, port = s[:i], s[i+1:]
	if inner, found := strings.CutPrefix(host, "["); found {
		inner, closed := strings.CutSuffix(inner, "]")
		return inner, port, closed && inner != ""
	}
	return host, port, !strings.Contains(host, ":")
}

// radsec wants the three files named where they are needed.
func (v *validation) radsec(l *Listen, r *RadSec) {
	if l.RadSec == "" && l.DTLS == "" {
		return
	}
	for _, e := range []struct{ key, file string }{
		{"certificate", r.Certificate}, {"key", r.Key}, {"ca", r.CA},
	} {
		if e.file == "" {
			v.add("radsec."+e.key, "no file named", "listen.radsec and listen.dtls need one")
		}
	}
}

func (v *validation) fleet(f *Fleet) {
	if f.RequireSigned && len(f.TrustedKeys) == 0 {
		v.add("fleet.require_signed", "no bundle can be taken without a key",
			"name one in fleet.trusted_keys")
	}
	for i, file := range f.TrustedKeys {
		if file == "" {
			v.add(fmt.Sprintf("fleet.trusted_keys[%d]", i), "no file named", "")
		}
	}
	if f.Pull.Interval < minPullInterval {
		v.add("fleet.pull.interval", "too short", "write 1m or more")
	}
	v.pulled("fleet.pull.url", f.Pull.URL)
	v.pulled("fleet.pull.signature_url", f.Pull.SignatureURL)
	v.url("fleet.pull.proxy", f.Pull.Proxy, "http", "https")
	if f.Heartbeat.Interval < minPullInterval {
		v.add("fleet.heartbeat.interval", "too short", "write 1m or more")
	}
	v.url("fleet.heartbeat.url", f.Heartbeat.URL, "https")
}

// pulled checks an address that bundles come from. Its query may be a permission, and is a secret;
// a password would be one that servers write into their logs.
func (v *validation) pulled(path, s string) {
	u, err := url.Parse(s)
	loopback := false
	if err == nil && u.Scheme == "http" {
		addr, err := netip.ParseAddr(u.Hostname())
		loopback = err == nil && addr.Unmap().IsLoopback()
	}
	switch {
	case err == nil && u.User != nil:
		v.add(path, "the address holds a user name or a password",
			"a bundle is signed and its secrets are encrypted: serve it to everybody, or use a presigned address")
	case !loopback: // where a proxy on the device itself may be
		v.url(path, s, "https")
	}
}

func (v *validation) oneOf(path, s string, known ...string) {
	if !slices.Contains(known, s) {
		v.add(path, fmt.Sprintf("unknown value %q", s), strictyaml.DidYouMean(s, known))
	}
}
