package supplicant

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"gatehouse/authcore/audit"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2868"
)

// attributeKind says how a value is shown.
type attributeKind int

const (
	kindBytes attributeKind = iota // hexadecimal
	kindText
	kindNumber
	kindAddress
	kindHidden       // size only
	kindTaggedNumber // RFC 2868 §3.1
	kindTaggedText   // RFC 2868 §3.6
)

type attributeInfo struct {
	name string
	kind attributeKind
}

// attributeTable names what servers commonly answer with; others are shown by number.
var attributeTable = map[radius.Type]attributeInfo{
	1: {"User-Name", kindText}, 6: {"Service-Type", kindNumber},
	7: {"Framed-Protocol", kindNumber}, 8: {"Framed-IP-Address", kindAddress},
	11: {"Filter-Id", kindText}, 12: {"Framed-MTU", kindNumber},
	18: {"Reply-Message", kindText}, 24: {"State", kindHidden}, 25: {"Class", kindBytes},
	27: {"Session-Timeout", kindNumber}, 28: {"Idle-Timeout", kindNumber},
	29: {"Termination-Action", kindNumber}, 33: {"Proxy-State", kindBytes},
	64: {"Tunnel-Type", kindTaggedNumber}, 65: {"Tunnel-Medium-Type", kindTaggedNumber},
	69: {"Tunnel-Password", kindHidden}, 79: {"EAP-Message", kindBytes},
	80: {"Message-Authenticator", kindHidden}, 81: {"Tunnel-Private-Group-Id", kindTaggedText},
	85: {"Acct-Interim-Interval", kindNumber}, 88: {"Framed-Pool", kindText},
	89: {"Chargeable-User-Identity", kindText}, 101: {"Error-Cause", kindNumber},
	102: {"EAP-Key-Name", kindHidden}, 185: {"WLAN-Reason-Code", kindNumber},
}

// describe returns attrs fit to be shown: text escaped, keys by size only.
func describe(attrs radius.Attributes) []ReplyAttribute {
	out := make([]ReplyAttribute, 0, len(attrs))
	for _, a := range attrs {
		if a.Type == rfc2865.VendorSpecific_Type {
			out = append(out, describeVendor(a.Attribute))
			continue
		}
		info, known := attributeTable[a.Type]
		if !known {
			info.name = "Attribute-" + strconv.Itoa(int(a.Type))
		}
		out = append(out, ReplyAttribute{info.name, showValue(info.kind, a.Attribute)})
	}
	return out
}

func showValue(kind attributeKind, v []byte) string {
	switch kind {
	case kindText:
		return audit.Printable(string(v))
	case kindNumber:
		if n, err := radius.Integer(v); err == nil {
			return strconv.FormatUint(uint64(n), 10)
		}
	case kindAddress:
		if a, ok := netip.AddrFromSlice(v); ok {
			return a.String()
		}
	case kindHidden:
		return fmt.Sprintf("(%d bytes)", len(v))
	case kindTaggedNumber:
		if _, n, ok := taggedNumber(v); ok {
			return strconv.FormatUint(uint64(n), 10)
		}
	case kindTaggedText:
		_, s := taggedText(v)
		return audit.Printable(s)
	}
	return "0x" + hex.EncodeToString(v)
}

// describeVendor names a vendor's attribute. What Microsoft's MPPE attributes hold is hidden.
func describeVendor(v []byte) ReplyAttribute {
	vendor, rest, err := radius.VendorSpecific(v)
	if err != nil || len(rest) < 2 {
		return ReplyAttribute{"Vendor-Specific", "0x" + hex.EncodeToString(v)}
	}
	if vendor == vendorMicrosoft {
		switch rest[0] {
		case typeMPPESendKey:
			return ReplyAttribute{"MS-MPPE-Send-Key", fmt.Sprintf("(%d bytes)", len(rest)-2)}
		case typeMPPERecvKey:
			return ReplyAttribute{"MS-MPPE-Recv-Key", fmt.Sprintf("(%d bytes)", len(rest)-2)}
		}
	}
	return ReplyAttribute{
		fmt.Sprintf("Vendor-%d-Attr-%d", vendor, rest[0]), "0x" + hex.EncodeToString(rest[2:]),
	}
}

func taggedNumber(v []byte) (tag byte, n uint32, ok bool) {
	if len(v) != 4 {
		return 0, 0, false
	}
	return v[0], uint32(v[1])<<16 | uint32(v[2])<<8 | uint32(v[3]), true
}

func taggedText(v []byte) (tag byte, s string) {
	if len(v) > 0 && v[0] <= 0x1f {
		return v[0], string(v[1:])
	}
	return 0, string(v)
}

// tunnelVLAN reads the three attributes of a VLAN (RFC 3580 §3.31): Tunnel-Type VLAN,
// Tunnel-Medium-Type IEEE-802 and Tunnel-Private-Group-ID under one tag. None at all is no
// VLAN.
func tunnelVLAN(attrs radius.Attributes) (string, error) {
	types, media, groups := map[byte]uint32{}, map[byte]uint32{}, map[byte]string{}
	var tags []byte // in the order of the groups
	for _, a := range attrs {
		switch a.Type {
		case rfc2868.TunnelType_Type:
			if tag, n, ok := taggedNumber(a.Attribute); ok {
				types[tag] = n
			}
		case rfc2868.TunnelMediumType_Type:
			if tag, n, ok := taggedNumber(a.Attribute); ok {
				media[tag] = n
			}
		case rfc2868.TunnelPrivateGroupID_Type:
			tag, s := taggedText(a.Attribute)
			groups[tag] = s
			tags = append(tags, tag)
		}
	}
	if len(types)+len(media)+len(groups) == 0 {
		return "", nil
	}
	for _, tag := range tags {
		if types[tag] == 13 && media[tag] == 6 && groups[tag] != "" {
			return groups[tag], nil
		}
	}
	return "", errors.New("VLAN attributes are incomplete: Tunnel-Type 13, " +
		"Tunnel-Medium-Type 6 and Tunnel-Private-Group-ID belong together under one tag")
}
