package accesspoint

import (
	"fmt"
	"strings"
)

// A Block is what somebody copies, with where to.
type Block struct {
	ID    string `json:"id"` // a word
	Title string `json:"title"`
	Hint  string `json:"hint"`
	Text  string `json:"text"`
	Trial bool   `json:"trial"` // a command that tries the client, and no settings of a make
}

// NoSecret stands where a secret was that is shown once only.
const NoSecret = "THE-SHARED-SECRET"

// Blocks are the settings for the usual makes, and what tries them. Address and port are the
// gateway's; secret is empty where it is not to be seen.
func Blocks(address, port, secret string) []Block {
	if secret == "" {
		secret = NoSecret
	}
	at, family := address+":"+port, "ipv4"
	if strings.Contains(address, ":") {
		at, family = "["+address+"]:"+port, "ipv6"
	}
	say := func(format string, a ...any) string { return fmt.Sprintf(format, a...) }
	return []Block{
		{"unifi", "UniFi", "Settings, Profiles, RADIUS, Create New; then choose the profile in the WiFi network with WPA2/WPA3 Enterprise.",
			say("Authentication server: %s\nPort: %s\nShared secret: %s\nAccounting: off\n", address, port, secret), false},
		{"mikrotik", "MikroTik RouterOS 7", "In a terminal; the WiFi interface then takes the security profile.",
			say("/radius add service=wireless address=%s authentication-port=%s secret=\"%s\" timeout=3s require-message-auth=yes-for-request-resp\n"+
				"/interface wifi security add name=corp authentication-types=wpa2-eap,wpa3-eap eap-methods=passthrough\n", address, port, secret), false},
		{"openwrt", "OpenWrt, hostapd", "In hostapd.conf of the network; needs hostapd or wpad with EAP.",
			say("wpa=2\nwpa_key_mgmt=WPA-EAP\nieee8021x=1\nauth_server_addr=%s\nauth_server_port=%s\nauth_server_shared_secret=%s\n", address, port, secret), false},
		{"cisco", "Cisco IOS-XE", "In configuration mode.",
			say("aaa new-model\nradius server gatehouse\n address %s %s auth-port %s\n key 0 %s\naaa group server radius gatehouse-group\n"+
				" server name gatehouse\naaa authentication dot1x default group gatehouse-group\n", family, address, port, secret), false},
		{"probe", "Try it with gatehouse probe", "From a computer with an address of this client; the secret stands in a file.",
			say("gatehouse probe --server %s --secret-file secret --identity alice --cert alice.pem --key alice.key\n", at), true},
		{"eapol", "Try it with eapol_test", "Likewise; eap-tls.conf names the certificate and its key.",
			say("eapol_test -c eap-tls.conf -a %s -p %s -s %s\n", address, port, secret), true},
	}
}
