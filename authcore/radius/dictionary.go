package radius

// A kind is how a value in the configuration is written and encoded.
type kind uint8

const (
	text     kind = iota // UTF-8, as it stands
	octets               // likewise, or 0x and hex digits
	integer              // a number of four bytes, or one of its names
	ipv4                 // an IPv4 address
	ipv6Pref             // an IPv6 prefix (RFC 3162 §2.3)
)

// A definition is one attribute that the configuration may name.
type definition struct {
	vendor   uint32 // 0: none, a standard attribute
	number   byte
	kind     kind
	min, max uint32 // of an integer; max 0: any
	names    map[string]uint32
}

const anyNumber = 0

// Vendor numbers, as IANA's private enterprise numbers.
const (
	vendorCisco     = 9
	vendorHP        = 11
	vendorExtreme   = 1916
	vendorHuawei    = 2011
	vendorJuniper   = 2636
	vendorFortinet  = 12356
	vendorWISPr     = 14122
	vendorAirespace = 14179
	vendorAruba     = 14823
	vendorMikrotik  = 14988
	vendorCambium   = 17713
	vendorRuckus    = 25053
)

func plain(t Type, k kind) definition { return definition{number: byte(t), kind: k} }

func ranged(t Type, low, high uint32) definition {
	return definition{number: byte(t), kind: integer, min: low, max: high}
}

func named(t Type, names map[string]uint32) definition {
	return definition{number: byte(t), kind: integer, names: names}
}

func vsa(vendor uint32, number byte, k kind) definition {
	return definition{vendor: vendor, number: number, kind: k}
}

// definitions are the attributes that the configuration may name, spelt as in the
// dictionaries of FreeRADIUS.
var definitions = map[string]definition{
	"User-Name":                plain(TypeUserName, text),
	"Framed-IP-Address":        plain(TypeFramedIPAddress, ipv4),
	"Framed-IP-Netmask":        plain(TypeFramedIPNetmask, ipv4),
	"Filter-Id":                plain(TypeFilterID, text),
	"Framed-MTU":               ranged(TypeFramedMTU, 64, 65535), // RFC 2865 §5.12
	"Reply-Message":            plain(TypeReplyMessage, text),
	"Framed-Route":             plain(TypeFramedRoute, text),
	"Class":                    plain(TypeClass, octets),
	"Session-Timeout":          ranged(TypeSessionTimeout, 1, maxUint32),
	"Idle-Timeout":             ranged(TypeIdleTimeout, 1, maxUint32),
	"Port-Limit":               ranged(TypePortLimit, anyNumber, maxUint32),
	"Acct-Interim-Interval":    ranged(TypeAcctInterimInterval, 60, maxUint32), // RFC 2869 §2.1
	"Framed-Pool":              plain(TypeFramedPool, text),
	"Chargeable-User-Identity": plain(TypeChargeableUserIdentity, octets),
	"NAS-Filter-Rule":          plain(TypeNASFilterRule, text),
	"Egress-VLANID":            plain(TypeEgressVLANID, integer),
	"Egress-VLAN-Name":         plain(TypeEgressVLANName, text),
	"Framed-IPv6-Prefix":       plain(TypeFramedIPv6Prefix, ipv6Pref),
	"Framed-IPv6-Pool":         plain(TypeFramedIPv6Pool, text),
	"Delegated-IPv6-Prefix":    plain(TypeDelegatedIPv6Prefix, ipv6Pref),
	"Termination-Action": named(TypeTerminationAction,
		map[string]uint32{"Default": 0, "RADIUS-Request": 1}),
	"Service-Type": named(TypeServiceType, map[string]uint32{
		"Login-User": 1, "Framed-User": 2, "Callback-Login-User": 3,
		"Callback-Framed-User": 4, "Outbound-User": 5, "Administrative-User": 6,
		"NAS-Prompt-User": 7, "Authenticate-Only": 8, "Callback-NAS-Prompt": 9,
		"Call-Check": 10, "Callback-Administrative": 11,
	}),

	"Cisco-AVPair": vsa(vendorCisco, 1, text),

	"HP-User-Role":             vsa(vendorHP, 25, text),
	"HP-Bandwidth-Max-Ingress": vsa(vendorHP, 46, integer),
	"HP-Bandwidth-Max-Egress":  vsa(vendorHP, 48, integer),
	"HP-Nas-Filter-Rule":       vsa(vendorHP, 61, text),
	"HP-Egress-VLANID":         vsa(vendorHP, 64, integer),
	"HP-Egress-VLAN-Name":      vsa(vendorHP, 65, text),

	"Extreme-Netlogin-Vlan":          vsa(vendorExtreme, 203, text),
	"Extreme-Netlogin-Vlan-Tag":      vsa(vendorExtreme, 209, integer),
	"Extreme-Netlogin-Extended-Vlan": vsa(vendorExtreme, 211, text),

	"Huawei-Input-Average-Rate":  vsa(vendorHuawei, 2, integer),
	"Huawei-Input-Peak-Rate":     vsa(vendorHuawei, 3, integer),
	"Huawei-Output-Average-Rate": vsa(vendorHuawei, 5, integer),
	"Huawei-Output-Peak-Rate":    vsa(vendorHuawei, 6, integer),
	"Huawei-Data-Filter":         vsa(vendorHuawei, 82, text),

	"Juniper-Switching-Filter": vsa(vendorJuniper, 48, text),
	"Juniper-AV-Pair":          vsa(vendorJuniper, 52, text),

	"Fortinet-Group-Name":     vsa(vendorFortinet, 1, text),
	"Fortinet-Access-Profile": vsa(vendorFortinet, 6, text),

	"WISPr-Redirection-URL":        vsa(vendorWISPr, 4, text),
	"WISPr-Bandwidth-Min-Up":       vsa(vendorWISPr, 5, integer),
	"WISPr-Bandwidth-Min-Down":     vsa(vendorWISPr, 6, integer),
	"WISPr-Bandwidth-Max-Up":       vsa(vendorWISPr, 7, integer),
	"WISPr-Bandwidth-Max-Down":     vsa(vendorWISPr, 8, integer),
	"WISPr-Session-Terminate-Time": vsa(vendorWISPr, 9, text),

	"Airespace-Wlan-Id":         vsa(vendorAirespace, 1, integer),
	"Airespace-QOS-Level":       vsa(vendorAirespace, 2, integer),
	"Airespace-DSCP":            vsa(vendorAirespace, 3, integer),
	"Airespace-8021p-Tag":       vsa(vendorAirespace, 4, integer),
	"Airespace-Interface-Name":  vsa(vendorAirespace, 5, text),
	"Airespace-ACL-Name":        vsa(vendorAirespace, 6, text),
	"Airespace-Guest-Role-Name": vsa(vendorAirespace, 11, text),

	"Aruba-User-Role":          vsa(vendorAruba, 1, text),
	"Aruba-User-Vlan":          vsa(vendorAruba, 2, integer),
	"Aruba-Admin-Role":         vsa(vendorAruba, 4, text),
	"Aruba-Named-User-Vlan":    vsa(vendorAruba, 9, text),
	"Aruba-AP-Group":           vsa(vendorAruba, 10, text),
	"Aruba-CPPM-Role":          vsa(vendorAruba, 23, text),
	"Aruba-User-Group":         vsa(vendorAruba, 36, text),
	"Aruba-Captive-Portal-URL": vsa(vendorAruba, 43, text),
	"Aruba-NAS-Filter-Rule":    vsa(vendorAruba, 51, text),

	"Mikrotik-Recv-Limit":           vsa(vendorMikrotik, 1, integer),
	"Mikrotik-Xmit-Limit":           vsa(vendorMikrotik, 2, integer),
	"Mikrotik-Group":                vsa(vendorMikrotik, 3, text),
	"Mikrotik-Rate-Limit":           vsa(vendorMikrotik, 8, text),
	"Mikrotik-Mark-Id":              vsa(vendorMikrotik, 11, text),
	"Mikrotik-Address-List":         vsa(vendorMikrotik, 19, text),
	"Mikrotik-Wireless-Comment":     vsa(vendorMikrotik, 21, text),
	"Mikrotik-Wireless-VLANID":      vsa(vendorMikrotik, 26, integer),
	"Mikrotik-Wireless-VLANID-Type": vsa(vendorMikrotik, 27, integer),

	"Cambium-VLAN-Pool-Id": vsa(vendorCambium, 157, text),

	"Ruckus-User-Groups":  vsa(vendorRuckus, 1, text),
	"Ruckus-Grace-Period": vsa(vendorRuckus, 6, integer),
	"Ruckus-VLAN-ID":      vsa(vendorRuckus, 9, integer),
	"Ruckus-Vlan-Pool":    vsa(vendorRuckus, 141, text),
}

// owned are attributes that exist but are not the configuration's to set, each with the
// reason or what to write instead.
var owned = map[string]string{
	"Tunnel-Type":              "write vlan: instead, which sets all three tunnel attributes",
	"Tunnel-Medium-Type":       "write vlan: instead, which sets all three tunnel attributes",
	"Tunnel-Private-Group-Id":  "write vlan: instead, which sets all three tunnel attributes",
	"Tunnel-Private-Group-ID":  "write vlan: instead, which sets all three tunnel attributes",
	"State":                    "Gatehouse sets it to find the conversation again",
	"EAP-Message":              "it carries the conversation itself",
	"EAP-Key-Name":             "Gatehouse sends it when the access point asks for it",
	"Message-Authenticator":    "Gatehouse computes it for each answer",
	"Proxy-State":              "it is copied from the request",
	"User-Password":            "it belongs in requests only",
	"CHAP-Password":            "it belongs in requests only",
	"MS-MPPE-Send-Key":         "the keys come from the TLS handshake",
	"MS-MPPE-Recv-Key":         "the keys come from the TLS handshake",
	"MS-MPPE-Encryption-Types": "the keys come from the TLS handshake",
	"Vendor-Specific":          "write the vendor's attribute by its own name",
	"Error-Cause":              "Gatehouse sets it where a request is refused",
}

const maxUint32 = 1<<32 - 1
