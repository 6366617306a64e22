package pki

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// subtree is one name constraint, or one name that constraints apply to. parts is the canonical form of a directoryName.
type subtree struct {
	GeneralName
	parts []string
}

// show is a name for a detail.
func (t subtree) show() string {
	switch {
	case t.Form == DirectoryName:
		return fmt.Sprintf("name %q", distinguishedName(t.Value))
	case t.Form == IPAddress:
		if a, ok := netip.AddrFromSlice(t.Value); ok {
			return "address " + a.String()
		}
		return "address (malformed)"
	case t.IsMailbox():
		return fmt.Sprintf("e-mail address %q", printable(string(t.Value)))
	case t.IsUPN():
		return fmt.Sprintf("user principal name %q", printable(string(t.Value)))
	case t.Form == DNSName || t.Form == URI:
		return fmt.Sprintf("%s %q", t.Form, printable(string(t.Value)))
	}
	return "name of the form " + t.Form.String()
}

// concerns reports whether t is a constraint on names like n.
func (t subtree) concerns(n subtree) bool {
	if t.IsMailbox() && n.IsMailbox() {
		return true
	}
	return t.Form == n.Form && t.Type == n.Type
}

// covers reports whether n lies within t. With widely a dNSName with a wildcard counts if any
// name it stands for does, as an exclusion needs it. An error means that we cannot tell.
func (t subtree) covers(n subtree, widely bool) (bool, error) {
	if !t.concerns(n) {
		return false, nil
	}
	constraint := strings.ToLower(string(t.Value))
	switch {
	case t.Form == DirectoryName:
		return len(t.parts) <= len(n.parts) && slices.Equal(t.parts, n.parts[:len(t.parts)]), nil
	case t.IsMailbox() || t.IsUPN():
		return coversMailbox(string(t.Value), n)
	case t.Form == DNSName:
		return coversDNS(constraint, strings.ToLower(string(n.Value)), widely), nil
	case t.Form == IPAddress:
		return coversIP(t.Value, n.Value)
	case t.Form == URI:
		u, err := url.Parse(string(n.Value))
		if err != nil || u.Hostname() == "" {
			return false, errors.New("its URI has no host, so the name constraints cannot be checked")
		}
		return coversHost(constraint, strings.ToLower(u.Hostname())), nil
	}
	return false, fmt.Errorf("name constraints on its %s are not supported", n.show())
}

// coversMailbox compares an e-mail address or UPN with a constraint: a whole address, a host
// (optionally behind an @) or, with a leading dot, all hosts below a domain.
func coversMailbox(constraint string, n subtree) (bool, error) {
	constraint = strings.TrimPrefix(constraint, "@")
	name := string(n.Value)
	at := strings.LastIndexByte(name, '@')
	if at < 0 {
		return false, fmt.Errorf("its %s has no domain, so the name constraints cannot be checked", n.show())
	}
	host := strings.ToLower(strings.TrimSuffix(name[at+1:], "."))
	if i := strings.LastIndexByte(constraint, '@'); i >= 0 {
		return name[:at] == constraint[:i] && host == strings.ToLower(constraint[i+1:]), nil
	}
	return constraint == "" || coversHost(strings.ToLower(constraint), host), nil
}

// coversHost compares a host name: exactly, or below a constraint with a leading dot.
func coversHost(constraint, host string) bool {
	if strings.HasPrefix(constraint, ".") {
		return strings.HasSuffix(host, constraint)
	}
	return host == constraint
}

// coversDNS compares a dNSName: equal to the constraint or below it.
func coversDNS(constraint, name string, widely bool) bool {
	name = strings.TrimSuffix(name, ".")
	if constraint == "" {
		return true
	}
	if strings.HasPrefix(constraint, ".") {
		return strings.HasSuffix(name, constraint)
	}
	if name == constraint || strings.HasSuffix(name, "."+constraint) {
		return true
	}
	rest, wild := strings.CutPrefix(name, "*.")
	return widely && wild && strings.HasSuffix("."+constraint, "."+rest)
}

// coversIP compares an address of 4 or 16 octets with a constraint of address and mask.
func coversIP(constraint, ip []byte) (bool, error) {
	if len(constraint) != 8 && len(constraint) != 32 || len(ip) != 4 && len(ip) != 16 {
		return false, errors.New("an address in it or in the name constraints is malformed")
	}
	if len(constraint) != 2*len(ip) {
		return false, nil
	}
	for i := range ip {
		if mask := constraint[len(ip)+i]; ip[i]&mask != constraint[i]&mask {
			return false, nil
		}
	}
	return true, nil
}
