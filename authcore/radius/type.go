package radius

import "strconv"

// Type is the first octet of an attribute.
type Type uint8

// The attribute types that Gatehouse names, as RFC 2865, 2866, 2868, 2869, 3162, 3576, 4072,
// 4372, 4675 and 4849 number them.
const (
	TypeUserName               Type = 1
	TypeUserPassword           Type = 2
	TypeCHAPPassword           Type = 3
	TypeNASIPAddress           Type = 4
	TypeNASPort                Type = 5
	TypeServiceType            Type = 6
	TypeFramedIPAddress        Type = 8
	TypeFramedIPNetmask        Type = 9
	TypeFilterID               Type = 11
	TypeFramedMTU              Type = 12
	TypeReplyMessage           Type = 18
	TypeFramedRoute            Type = 22
	TypeState                  Type = 24
	TypeClass                  Type = 25
	TypeVendorSpecific         Type = 26
	TypeSessionTimeout         Type = 27
	TypeIdleTimeout            Type = 28
	TypeTerminationAction      Type = 29
	TypeCalledStationID        Type = 30
	TypeCallingStationID       Type = 31
	TypeNASIdentifier          Type = 32
	TypeProxyState             Type = 33
	TypeAcctStatusType         Type = 40
	TypeAcctDelayTime          Type = 41
	TypeAcctSessionID          Type = 44
	TypeEventTimestamp         Type = 55
	TypeEgressVLANID           Type = 56
	TypeEgressVLANName         Type = 58
	TypeNASPortType            Type = 61
	TypePortLimit              Type = 62
	TypeTunnelType             Type = 64
	TypeTunnelMediumType       Type = 65
	TypeConnectInfo            Type = 77
	TypeEAPMessage             Type = 79
	TypeMessageAuthenticator   Type = 80
	TypeTunnelPrivateGroupID   Type = 81
	TypeAcctInterimInterval    Type = 85
	TypeNASPortID              Type = 87
	TypeFramedPool             Type = 88
	TypeChargeableUserIdentity Type = 89
	TypeNASFilterRule          Type = 92
	TypeNASIPv6Address         Type = 95
	TypeFramedIPv6Prefix       Type = 97
	TypeFramedIPv6Pool         Type = 100
	TypeErrorCause             Type = 101
	TypeEAPKeyName             Type = 102
	TypeDelegatedIPv6Prefix    Type = 123
)

var typeNames = map[Type]string{
	TypeUserName: "User-Name", TypeUserPassword: "User-Password",
	TypeCHAPPassword: "CHAP-Password", TypeNASIPAddress: "NAS-IP-Address",
	TypeNASPort: "NAS-Port", TypeServiceType: "Service-Type",
	TypeFramedIPAddress: "Framed-IP-Address", TypeFramedIPNetmask: "Framed-IP-Netmask",
	TypeFilterID: "Filter-Id", TypeFramedMTU: "Framed-MTU",
	TypeReplyMessage: "Reply-Message", TypeFramedRoute: "Framed-Route",
	TypeState: "State", TypeClass: "Class", TypeVendorSpecific: "Vendor-Specific",
	TypeSessionTimeout: "Session-Timeout", TypeIdleTimeout: "Idle-Timeout",
	TypeTerminationAction: "Termination-Action", TypeCalledStationID: "Called-Station-Id",
	TypeCallingStationID: "Calling-Station-Id", TypeNASIdentifier: "NAS-Identifier",
	TypeProxyState: "Proxy-State", TypeAcctStatusType: "Acct-Status-Type",
	TypeAcctDelayTime: "Acct-Delay-Time", TypeAcctSessionID: "Acct-Session-Id",
	TypeEventTimestamp: "Event-Timestamp", TypeEgressVLANID: "Egress-VLANID",
	TypeEgressVLANName: "Egress-VLAN-Name", TypeNASPortType: "NAS-Port-Type",
	TypePortLimit: "Port-Limit", TypeTunnelType: "Tunnel-Type",
	TypeTunnelMediumType: "Tunnel-Medium-Type", TypeConnectInfo: "Connect-Info",
	TypeEAPMessage: "EAP-Message", TypeMessageAuthenticator: "Message-Authenticator",
	TypeTunnelPrivateGroupID: "Tunnel-Private-Group-Id",
	TypeAcctInterimInterval:  "Acct-Interim-Interval", TypeNASPortID: "NAS-Port-Id",
	TypeFramedPool: "Framed-Pool", TypeChargeableUserIdentity: "Chargeable-User-Identity",
	TypeNASFilterRule: "NAS-Filter-Rule", TypeNASIPv6Address: "NAS-IPv6-Address",
	TypeFramedIPv6Prefix: "Framed-IPv6-Prefix", TypeFramedIPv6Pool: "Framed-IPv6-Pool",
	TypeErrorCause: "Error-Cause", TypeEAPKeyName: "EAP-Key-Name",
	TypeDelegatedIPv6Prefix: "Delegated-IPv6-Prefix",
}

// String returns the attribute's name in the RFCs, or "Type(n)".
func (t Type) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return "Type(" + strconv.Itoa(int(t)) + ")"
}
