package onboard

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// uuid returns the UUID (RFC 9562 §5.8) of one part of the profile: the same for the same
// network, servers and person, so that a profile that is installed again replaces itself.
func (p *Profile) uuid(part string) string {
	h := sha256.New()
	for _, s := range []string{"gatehouse onboard", part, p.SSID, p.Name, strings.Join(p.Trust.Names, " ")} {
		fmt.Fprintf(h, "%d:%s,", len(s), s)
	}
	u := h.Sum(nil)[:16]
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("%X-%X-%X-%X-%X", u[:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

// A plist writes a property list of XML, indented for people.
type plist struct{ strings.Builder }

func (l *plist) text(key, value string) {
	fmt.Fprintf(l, "<key>%s</key><string>%s</string>\n", key, xmlText(value))
}
func (l *plist) number(key string, n int) {
	fmt.Fprintf(l, "<key>%s</key><integer>%d</integer>\n", key, n)
}

func (l *plist) data(key string, data []byte) {
	fmt.Fprintf(l, "<key>%s</key><data>%s</data>\n", key, base64.StdEncoding.EncodeToString(data))
}

func (l *plist) texts(key string, values []string) {
	fmt.Fprintf(l, "<key>%s</key><array>", key)
	for _, v := range values {
		fmt.Fprintf(l, "<string>%s</string>", xmlText(v))
	}
	l.WriteString("</array>\n")
}

// payload writes what every payload has.
func (p *Profile) payload(l *plist, kind, part, name string) {
	id := p.uuid(part)
	l.text("PayloadType", kind)
	l.number("PayloadVersion", 1)
	l.text("PayloadIdentifier", "gatehouse.onboard."+strings.ToLower(id))
	l.text("PayloadUUID", id)
	l.text("PayloadDisplayName", name)
}

// mobileConfig is a configuration profile of Apple's (Profile-Specific Payload Keys: WiFi,
// WiFi.EAPClientConfiguration, CertificateRoot, CertificatePKCS12). The password of the key is not
// in it: the device asks.
func (p *Profile) mobileConfig() []byte {
	l := &plist{}
	l.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
`)
	p.payload(l, "Configuration", "profile", "Wi-Fi "+p.SSID)
	l.text("PayloadDescription", "Connects to "+p.SSID+" with a certificate.")
	l.WriteString("<key>PayloadContent</key><array>\n")
	var anchors []string
	for i, root := range p.Trust.Roots {
		part := fmt.Sprintf("root %x", sha256.Sum256(root.Raw))
		anchors = append(anchors, p.uuid(part))
		l.WriteString("<dict>\n")
		p.payload(l, "com.apple.security.root", part, fmt.Sprintf("CA %d of %s", i+1, p.SSID))
		l.data("PayloadContent", root.Raw)
		l.WriteString("</dict>\n")
	}
	if p.hasKey() {
		l.WriteString("<dict>\n")
		p.payload(l, "com.apple.security.pkcs12", "key", "Certificate for "+p.SSID)
		l.text("PayloadCertificateFileName", keyName)
		l.data("PayloadContent", p.Identity.PKCS12)
		l.WriteString("</dict>\n")
	}
	l.WriteString("<dict>\n")
	p.appleWiFi(l, anchors)
	l.WriteString("</dict>\n</array>\n</dict></plist>\n")
	return []byte(l.String())
}

func (p *Profile) appleWiFi(l *plist, anchors []string) {
	p.payload(l, "com.apple.wifi.managed", "wifi", "Wi-Fi "+p.SSID)
	l.text("SSID_STR", p.SSID)
	l.WriteString("<key>HIDDEN_NETWORK</key><false/>\n<key>AutoJoin</key><true/>\n")
	l.text("EncryptionType", "WPA2")
	if p.hasKey() {
		l.text("PayloadCertificateUUID", p.uuid("key"))
	}
	l.WriteString("<key>EAPClientConfiguration</key><dict>\n")
	l.WriteString("<key>AcceptEAPTypes</key><array><integer>13</integer></array>\n")
	if p.Name != "" {
		l.text("UserName", p.Name)
	}
	l.texts("PayloadCertificateAnchorUUID", anchors)
	l.texts("TLSTrustedServerNames", p.Trust.Names)
	l.text("TLSMinimumVersion", "1.2")
	l.text("TLSMaximumVersion", "1.3")
	l.WriteString("<key>TLSAllowTrustExceptions</key><false/>\n</dict>\n")
}
