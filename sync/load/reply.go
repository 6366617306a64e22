package load

import (
	"errors"
	"fmt"
	"strconv"

	"gatehouse/authcore/policy"
	"gatehouse/authcore/radius"
	"gatehouse/sync/strictyaml"
)

// maxReplyBytes is what the attributes of one rule may take of a packet's 4096 bytes (RP-14).
// The rest is for the header (20), Message-Authenticator (18), EAP-Success (6), both keys (116),
// EAP-Key-Name (67), User-Name, Class and Chargeable-User-Identity (255 each), and for the
// Proxy-State attributes of two proxies.
const maxReplyBytes = 4096 - 1500

// replyYAML is one entry of reply.
type replyYAML struct {
	Groups     []string         `yaml:"groups"`
	VLAN       string           `yaml:"vlan"`
	Attributes strictyaml.Pairs `yaml:"attributes"`
}

func (d *document) replies(ys []replyYAML) []policy.ReplyRule {
	var out []policy.ReplyRule
	for i := range ys {
		y, at := &ys[i], fmt.Sprintf("reply[%d]", i)
		rule := policy.ReplyRule{Groups: y.Groups, VLAN: y.VLAN}
		d.names(at+".groups", y.Groups)
		size := 0
		if d.at.Has(at + ".vlan") {
			d.vlan(at+".vlan", y.VLAN)
			size = 6 + 6 + 3 + len(y.VLAN)
		}
		for _, pair := range y.Attributes {
			if a, ok := d.attribute(at, pair); ok {
				rule.Attributes = append(rule.Attributes, a)
				size += 2 + len(a.Value)
			}
		}
		if size > maxReplyBytes {
			d.report(Error, at, fmt.Sprintf("the rule adds %d bytes to the answer, which holds %d more at most", size, maxReplyBytes), "")
		}
		if y.VLAN == "" && len(y.Attributes) == 0 {
			d.report(Error, at, "the rule adds nothing", "give it a vlan or attributes")
		}
		out = append(out, rule)
	}
	return out
}

func (d *document) attribute(at string, pair strictyaml.Pair) (policy.Attribute, bool) {
	t, value, err := radius.EncodeAttribute(pair.Key, pair.Value)
	if err == nil {
		return policy.Attribute{Name: pair.Key, Type: byte(t), Value: value}, true
	}
	var unknown *radius.UnknownAttributeError
	var owned *radius.OwnedAttributeError
	switch {
	case errors.As(err, &unknown):
		remedy := "see the reply attributes in the documentation"
		if unknown.Nearest != "" {
			remedy = fmt.Sprintf("did you mean %q?", unknown.Nearest)
		}
		d.report(Error, pair.Path, fmt.Sprintf("unknown attribute %q", clip(unknown.Name)), remedy)
	case errors.As(err, &owned):
		d.report(Error, pair.Path, fmt.Sprintf("attribute %q cannot be set here", owned.Name), owned.Hint)
	default:
		d.report(Error, pair.Path, err.Error(), "")
	}
	return policy.Attribute{}, false
}

// vlan checks the number or name of a VLAN.
func (d *document) vlan(path, s string) {
	if text := vlanProblem(s); text != "" {
		d.report(Error, path, text, "write a number from 1 to 4094, or the name that the access point knows")
	}
}

// vlanProblem says why s is no VLAN, or "". A name shares 253 bytes with the tag (AZ-1).
func vlanProblem(s string) string {
	if n, err := strconv.Atoi(s); err == nil && (n < 1 || n > 4094 || s != strconv.Itoa(n)) {
		return "vlan: the number is out of range"
	}
	if !isLabel(s) {
		return "vlan: the name is not usable"
	}
	return ""
}
