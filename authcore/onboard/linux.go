package onboard

import (
	"fmt"
	"strings"
)

// PasswordMark stands where the password of the key belongs in a file for Linux: the password
// itself is told separately.
const PasswordMark = "PASSWORD-OF-THE-P12"

// wpaWord is s as a value of wpa_supplicant: quoted if it is plain, or else in hexadecimal, in
// which nothing has a meaning.
func wpaWord(s string) string {
	if isPlain(s) {
		return `"` + s + `"`
	}
	return fmt.Sprintf("%x", s)
}

// isPlain reports whether s has only what means nothing in any of the formats.
func isPlain(s string) bool {
	for _, r := range s {
		if !isWord(r) && !strings.ContainsRune(" ._-@+", r) {
			return false
		}
	}
	return s != "" && strings.TrimSpace(s) == s
}

// wpaBlock is a network of wpa_supplicant whose files lie in dir, which is "" or ends in a slash.
func (p *Profile) wpaBlock(dir string) string {
	var b strings.Builder
	name := p.Name
	if name == "" {
		name = "anonymous@" + p.domains()[0]
	}
	fmt.Fprintf(&b, "network={\n  ssid=%s\n  key_mgmt=WPA-EAP\n  eap=TLS\n  identity=%s\n", wpaWord(p.SSID), wpaWord(name))
	fmt.Fprintf(&b, "  ca_cert=\"%s%s\"\n  domain_suffix_match=\"%s\"\n", dir, caName, strings.Join(p.domains(), ";"))
	fmt.Fprintf(&b, "  private_key=\"%s%s\"\n  private_key_passwd=\"%s\"\n", dir, keyName, PasswordMark)
	b.WriteString("  phase1=\"tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1\"\n}\n")
	return b.String()
}

const (
	wpaDir = "/etc/wpa_supplicant/"
	nmDir  = "/etc/NetworkManager/certs/"
)

func (p *Profile) wpaSupplicant() []byte {
	return []byte("# Copy " + caName + " and " + keyName + " to " + wpaDir + ", put the password that was told to you\n" +
		"# where it says " + PasswordMark + ", and add this block to wpa_supplicant.conf (mode 0600).\n" + p.wpaBlock(wpaDir))
}

// eapolTest is what eapol_test signs in with, from the directory in which the files lie.
func (p *Profile) eapolTest() []byte {
	return []byte("# Test before you leave: put the password where it says " + PasswordMark + ", then run, in this directory,\n" +
		"#   eapol_test -c eapol_test.conf -a GATEWAY -p 1812 -s SHARED-SECRET\n" + p.wpaBlock(""))
}

// networkManager is a keyfile of NetworkManager (nm-settings-keyfile(5)). The password of the key
// is asked of the person, and kept by their keyring.
func (p *Profile) networkManager() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# Copy %s and %s to %s, and this file to\n# /etc/NetworkManager/system-connections/ "+
		"with mode 0600, then run: nmcli connection reload\n", caName, keyName, nmDir)
	fmt.Fprintf(&b, "[connection]\nid=%s\nuuid=%s\ntype=wifi\n\n", keyfileText("Wi-Fi "+p.SSID), strings.ToLower(p.uuid("nm")))
	fmt.Fprintf(&b, "[wifi]\nmode=infrastructure\nssid=%s\n\n[wifi-security]\nkey-mgmt=wpa-eap\n\n", keyfileBytes(p.SSID))
	fmt.Fprintf(&b, "[802-1x]\neap=tls;\nca-cert=%s%s\ndomain-suffix-match=%s\n", nmDir, caName, strings.Join(p.domains(), ";"))
	if p.Name != "" {
		fmt.Fprintf(&b, "identity=%s\n", keyfileText(p.Name))
	}
	fmt.Fprintf(&b, "client-cert=%[1]s%[2]s\nprivate-key=%[1]s%[2]s\nprivate-key-password-flags=1\n\n", nmDir, keyName)
	b.WriteString("[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n")
	return []byte(b.String())
}

// keyfileText escapes a string of a GKeyFile: the backslash, and a space where it would be cut.
func keyfileText(s string) string {
	s = strings.ReplaceAll(s, `\`, `\\`)
	if strings.HasPrefix(s, " ") {
		s = `\s` + s[1:]
	}
	if strings.HasSuffix(s, " ") {
		s = s[:len(s)-1] + `\s`
	}
	return s
}

// keyfileBytes is an SSID: as text where that cannot be taken for a list of numbers, or else as
// one.
func keyfileBytes(s string) string {
	if isPlain(s) && strings.ContainsFunc(s, func(r rune) bool { return r > '9' }) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%d;", s[i])
	}
	return b.String()
}
