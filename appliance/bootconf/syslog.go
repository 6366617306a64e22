package bootconf

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Collector returns where log.syslog leads: tcp, tls or udp, and HOST:PORT. Without one of these in
// front it is tcp. Both are empty if there is no collector.
func (l *Log) Collector() (transport, address string) {
	if l.Syslog == "" {
		return "", ""
	}
	if before, after, ok := strings.Cut(l.Syslog, "://"); ok {
		return before, after
	}
	return "tcp", l.Syslog
}

const syslogForms = `write "tls://log.example:6514", "tcp://192.0.2.1:514" or "udp://[2001:db8::1]:514"; "" is off`

func (v *validation) syslog(l *Log) {
	transport, address := l.Collector()
	if l.SyslogCA != "" && transport != "tls" {
		v.add("log.syslog_ca", "it vouches for nobody: log.syslog is not tls://HOST:PORT", "")
	}
	if transport == "" {
		return
	}
	host, port, ok := cutPort(address)
	n, err := strconv.ParseUint(port, 10, 16)
	switch {
	case !slices.Contains([]string{"tcp", "tls", "udp"}, transport):
		v.add("log.syslog", fmt.Sprintf("unknown transport %q", transport), syslogForms)
	case !ok:
		v.add("log.syslog", "not HOST:PORT", syslogForms)
	case err != nil || n == 0:
		v.add("log.syslog", "the port is not a number from 1 to 65535", "")
	case !isHost(host):
		v.add("log.syslog", "the host is neither a name nor an IP address", syslogForms)
	}
}

// isHost reports whether s is an IP address or looks like a host name (RFC 1123 §2.1).
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if !isID(label) {
			return false
		}
	}
	return true
}
