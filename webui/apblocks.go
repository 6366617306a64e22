package webui

import "fmt"

// An apBlock is what somebody copies into an access point.
type apBlock struct {
	ID, Title, Hint, Text string
}

// noSecret stands where a secret was that is shown once only.
const noSecret = "THE-SHARED-SECRET"

// apBlocks are the settings for the usual makes. Address and port are the gateway's; secret is
// empty where it is not to be seen.
func apBlocks(address, port, secret string) []apBlock {
	if secret == "" {
		secret = noSecret
	}
	say := func(format string, a ...any) string { return fmt.Sprintf(format, a...) }
	return []apBlock{
		{"unifi", "UniFi", "Settings, Profiles, RADIUS, Create New; then choose the profile in the WiFi network with WPA2/WPA3 Enterprise.",
			say("Authentication server: %s\nPort: %s\nShared secret: %s\nAccounting: off\n", address, port, secret)},
		{"mikrotik", "MikroTik RouterOS 7", "In a terminal; the WiFi interface then takes the security profile.",
			say("/radius add service=wireless address=%s authentication-port=%s secret=\"%s\" timeout=3s require-message-auth=yes-for-request-resp\n"+
				"/interface wifi security add name=corp authentication-types=wpa2-eap,wpa3-eap eap-methods=passthrough\n", address, port, secret)},
		{"openwrt", "OpenWrt, hostapd", "In hostapd.conf of the network; needs hostapd or wpad with EAP.",
			say("wpa=2\nwpa_key_mgmt=WPA-EAP\nieee8021x=1\nauth_server_addr=%s\nauth_server_port=%s\nauth_server_shared_secret=%s\n", address, port, secret)},
		{"cisco", "Cisco IOS-XE", "In configuration mode.",
			say("aaa new-model\nradius server gatehouse\n address ipv4 %s auth-port %s\n key 0 %s\naaa group server radius gatehouse-group\n"+
				" server name gatehouse\naaa authentication dot1x default group gatehouse-group\n", address, port, secret)},
		{"probe", "Try it with gatehouse probe", "From a computer with an address of this client; the secret stands in a file.",
			say("gatehouse probe --server %s:%s --secret-file secret --identity alice --cert alice.pem --key alice.key\n", address, port)},
		{"eapol", "Try it with eapol_test", "Likewise; eap-tls.conf names the certificate and its key.",
			say("eapol_test -c eap-tls.conf -a %s -p %s -s %s\n", address, port, secret)},
	}
}
