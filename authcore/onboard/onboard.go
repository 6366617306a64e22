// Package onboard makes the files with which a person's device joins a network of EAP-TLS
// (RFC 5216): a configuration profile of Apple's, a WLAN profile of Windows with the script that
// installs it, a card for Android, ONC for ChromeOS, wpa_supplicant and NetworkManager for Linux.
// Values in, files out: it reads nothing, keeps nothing, logs nothing and never needs the key of a
// CA. Everything that a stranger may have chosen is checked once, in Make, and escaped for each
// format. It starts no goroutines; everything is safe for concurrent use.
package onboard

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrInvalid is wrapped by every error that is about what was asked for.
var ErrInvalid = errors.New("invalid")

// A Device is a kind of device.
type Device string

// The kinds of device. Apple is iOS, iPadOS and macOS.
const (
	Apple    Device = "ios"
	Windows  Device = "windows"
	Android  Device = "android"
	ChromeOS Device = "chromeos"
	Linux    Device = "linux"
)

// Devices returns every kind, in the order in which they are offered.
func Devices() []Device { return []Device{Apple, Windows, Android, ChromeOS, Linux} }

// ParseDevice reads the name of a device; macos and ipados are devices of Apple's too.
func ParseDevice(s string) (Device, bool) {
	if s == "macos" || s == "ipados" {
		return Apple, true
	}
	for _, d := range Devices() {
		if s == string(d) {
			return d, true
		}
	}
	return "", false
}

// A Trust is what a device has to know of the RADIUS server.
type Trust struct {
	Names []string            // DNS names of its certificates; at least one
	Roots []*x509.Certificate // that vouch for them; at least one
}

// An Identity is the certificate of a person with its key, sealed. Its zero value is none: the
// profile then has the device ask for one.
type Identity struct {
	PKCS12      []byte            // as it goes into the files; never opened here
	Certificate *x509.Certificate // of it; nil if it is not known
}

// A Profile is what a device is to be told.
type Profile struct {
	SSID     string // 1 to 32 bytes (IEEE 802.11-2020 §9.4.2.2)
	Name     string // EAP identity of the person; "" leaves it to the certificate
	Machine  bool   // Windows: the stores of the machine instead of those of the user
	Trust    Trust
	Identity Identity
}

// A File is one file of an onboarding.
type File struct {
	Name   string `json:"name"`   // of letters, digits, dots and dashes
	Type   string `json:"type"`   // media type
	Secret bool   `json:"secret"` // it holds a private key
	Data   []byte `json:"data"`
}

// Limits, in bytes.
const (
	maxSSID     = 32
	maxIdentity = 253 // a User-Name has no more (RFC 2865 §5)
	maxPKCS12   = 64 << 10
	maxNames    = 16
)

// Make returns the files of p for the devices, each file once. Errors wrap ErrInvalid.
func Make(p Profile, devices []Device) ([]File, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	files := p.common()
	for _, d := range Devices() {
		for _, wanted := range devices {
			if wanted == d {
				files = append(files, p.files(d)...)
				break
			}
		}
	}
	return files, nil
}

// common are the files that several devices need.
func (p *Profile) common() []File {
	files := []File{
		{Name: caName, Type: "application/x-x509-ca-cert", Data: p.rootsPEM()},
		{Name: "instructions.html", Type: "text/html; charset=utf-8", Data: p.page(Devices())},
		{Name: "eapol_test.conf", Type: plainType, Data: p.eapolTest()},
	}
	if p.hasKey() {
		files = append(files, File{Name: keyName, Type: "application/x-pkcs12", Secret: true, Data: p.Identity.PKCS12})
	}
	return files
}

// Names of files that others refer to.
const (
	caName    = "ca.crt"
	keyName   = "user.p12"
	plainType = "text/plain; charset=utf-8"
)

func (p *Profile) files(d Device) []File {
	switch d {
	case Apple:
		return []File{{Name: "wifi.mobileconfig", Type: "application/x-apple-aspen-config",
			Secret: p.hasKey(), Data: p.mobileConfig()}}
	case Windows:
		return []File{
			{Name: "wifi-profile.xml", Type: "text/xml; charset=utf-8", Data: p.wlanProfile()},
			{Name: "install-wifi.ps1", Type: plainType, Secret: p.hasKey(), Data: p.powerShell()},
		}
	case Android:
		return []File{{Name: "android.html", Type: "text/html; charset=utf-8", Data: p.page([]Device{Android})}}
	case ChromeOS:
		return []File{{Name: "wifi.onc", Type: "application/x-onc", Data: p.onc()}}
	}
	return []File{
		{Name: "wpa_supplicant.conf", Type: plainType, Data: p.wpaSupplicant()},
		{Name: "wifi.nmconnection", Type: plainType, Data: p.networkManager()},
	}
}

func (p *Profile) hasKey() bool { return len(p.Identity.PKCS12) > 0 }

func (p *Profile) check() error {
	if err := checkText("the name of the network (SSID)", p.SSID, maxSSID); err != nil {
		return err
	}
	if p.SSID == "" {
		return fmt.Errorf("%w: the name of the network (SSID) is missing", ErrInvalid)
	}
	if err := checkText("the identity", p.Name, maxIdentity); err != nil {
		return err
	}
	if len(p.Identity.PKCS12) > maxPKCS12 {
		return fmt.Errorf("%w: the .p12 has more than %d KiB", ErrInvalid, maxPKCS12>>10)
	}
	if p.hasKey() && p.Identity.PKCS12[0] != 0x30 { // a SEQUENCE, as PKCS #12 begins (RFC 7292 §4)
		return fmt.Errorf("%w: the file is no PKCS #12: choose one that ends in .p12 or .pfx", ErrInvalid)
	}
	return p.Trust.check()
}

func (t Trust) check() error {
	if len(t.Roots) == 0 {
		return fmt.Errorf("%w: the root CA of the RADIUS server is missing", ErrInvalid)
	}
	if len(t.Names) == 0 {
		return fmt.Errorf("%w: the RADIUS server's certificate has no DNS name: devices refuse to connect "+
			"without one; issue it anew with a subjectAltName DNS:…", ErrInvalid)
	}
	if len(t.Names) > maxNames {
		return fmt.Errorf("%w: the RADIUS server's certificates have more than %d DNS names", ErrInvalid, maxNames)
	}
	for _, name := range t.Names {
		if !isHostName(strings.TrimPrefix(name, "*.")) {
			return fmt.Errorf("%w: the RADIUS server's certificate has the DNS name %q, which is none", ErrInvalid, name)
		}
	}
	return nil
}

// checkText refuses what one of the formats cannot carry: invalid UTF-8, controls, line ends of
// any kind and what is no character in XML.
func checkText(what, s string, limit int) error {
	if len(s) > limit {
		return fmt.Errorf("%w: %s has %d bytes, and %d at the most", ErrInvalid, what, len(s), limit)
	}
	odd := func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r&0xfffe == 0xfffe
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, odd) {
		return fmt.Errorf("%w: %s has control characters or is no UTF-8", ErrInvalid, what)
	}
	return nil
}

// isHostName reports whether s has the letters of a DNS name only.
func isHostName(s string) bool {
	if s == "" || len(s) > 253 || s[0] == '.' || s[0] == '-' {
		return false
	}
	for _, r := range s {
		if !isWord(r) && r != '.' && r != '-' && r != '_' {
			return false
		}
	}
	return true
}

func isWord(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// domains are the names as suffixes: what stands for a wildcard is what comes after it.
func (p *Profile) domains() []string {
	var list []string
	seen := map[string]bool{}
	for _, name := range p.Trust.Names {
		if name = strings.TrimPrefix(name, "*."); !seen[name] {
			seen[name] = true
			list = append(list, name)
		}
	}
	return list
}

func (p *Profile) rootsPEM() []byte {
	var all []byte
	for _, root := range p.Trust.Roots {
		all = append(all, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})...)
	}
	return all
}
