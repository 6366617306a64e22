package radius

import "strings"

// SSID takes a Called-Station-Id apart: the access point's MAC address as it was sent, and
// the SSID behind it (RFC 3580 §3.20). The MAC address may be written with dashes, colons,
// dots or nothing between its digits. Access points that put a name in place of the address
// ("lobby:guests") are understood too, and so are those that send the SSID alone. An SSID may
// hold colons. Either result may be empty.
func SSID(calledStationID []byte) (mac, ssid string) {
	s := string(calledStationID)
	if n := macLength(s); n > 0 {
		if len(s) == n {
			return s, ""
		}
		if s[n] == ':' {
			return s[:n], s[n+1:]
		}
	}
	if _, after, found := strings.Cut(s, ":"); found {
		return "", after
	}
	return "", s
}

// macLength returns how many bytes at the start of s write a MAC address, 0 if none do.
func macLength(s string) int {
	digits := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
			digits++
			if digits == 12 {
				return i + 1
			}
		case (c == '-' || c == ':' || c == '.') && digits > 0 && digits%2 == 0 && s[i-1] != c:
		default:
			return 0
		}
	}
	return 0
}
