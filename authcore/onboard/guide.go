package onboard

import (
	"fmt"
	"html"
	"strings"
)

// A Guide says to a person how to connect a device for the first time.
type Guide struct {
	Device Device
	Title  string
	Steps  []string
	Later  string // what happens from then on
}

const later = "From then on the device connects by itself, without a password."

// GuideFor returns the guide for a device. The text is ours, without anything of strangers.
func GuideFor(d Device) Guide {
	g := Guide{Device: d, Later: later}
	switch d {
	case Apple:
		g.Title = "iPhone, iPad and Mac"
		g.Steps = []string{
			"Open the file wifi.mobileconfig on the device, for example from a mail to yourself or by AirDrop.",
			"iPhone, iPad: open Settings, General, VPN & Device Management, choose the profile and Install. Mac: open System Settings, General, Device Management, and double-click the profile.",
			"Give the password of the certificate, which you were told separately.",
			"Mac: macOS asks for the password of your account to change the trust settings. That is expected.",
			"Choose the network. If you are asked how, choose Connect using a certificate, and the certificate with your name.",
			"Mac: if macOS asks whether eapolclient may use the key, give the password of your account and choose Always Allow. With Allow it asks every time.",
		}
	case Windows:
		g.Title = "Windows 10 and 11"
		g.Steps = []string{
			"Copy install-wifi.ps1 to the computer, right-click it and choose Run with PowerShell.",
			"Windows asks whether to install the certificate of the CA: choose Yes.",
			"Give the password of the certificate, which you were told separately.",
			"Choose the network in the list and Connect. If you are asked how, choose Connect using a certificate.",
		}
	case Android:
		g.Title = "Android 11 and later"
		g.Steps = []string{
			"Copy ca.crt and user.p12 to the device.",
			"Open Settings, Security, More, Encryption & credentials, Install a certificate, Wi-Fi certificate, and choose ca.crt. Do the same with user.p12, and give the password that you were told separately. Names of the menus differ by maker: search for Wi-Fi certificate.",
			"Open the Wi-Fi settings and choose the network.",
			"EAP method: TLS. CA certificate: the one you installed. Domain: as on your card, letter by letter. User certificate: the one you installed. Identity: as on your card.",
			"Choose Connect. Where Android asks whether to trust on first use, choose the CA certificate instead.",
		}
	case ChromeOS:
		g.Title = "Chromebook"
		g.Steps = []string{
			"Open chrome://certificate-manager, Your certificates, Import and bind, choose user.p12, and give the password that you were told separately.",
			"Open chrome://network, Network Configuration, Import ONC file, and choose wifi.onc.",
			"Choose the network. If you are asked how, choose EAP-TLS and your certificate.",
		}
	case Linux:
		g.Title = "Linux"
		g.Steps = []string{
			"With NetworkManager (Ubuntu, Fedora, Debian desktop): follow the two lines at the top of wifi.nmconnection, then choose the network; the password of the certificate is asked for once.",
			"With wpa_supplicant alone: follow the lines at the top of wpa_supplicant.conf.",
			"By hand: choose Security WPA2 Enterprise, Authentication TLS, the CA certificate ca.crt, the domain as on your card, and user.p12 as the private key.",
		}
	}
	return g
}

// page is the card of the profile with the guides for the devices, to be printed or sent.
func (p *Profile) page(devices []Device) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, pageHead, html.EscapeString(p.SSID))
	row := func(name, value string) {
		fmt.Fprintf(&b, "<dt>%s</dt><dd><code>%s</code></dd>\n", name, html.EscapeString(value))
	}
	row("Network (SSID)", p.SSID)
	row("Security", "WPA2 or WPA3 Enterprise")
	row("EAP method", "TLS")
	row("Domain", strings.Join(p.domains(), ";"))
	if p.Name != "" {
		row("Identity", p.Name)
	} else {
		row("Identity", "your user name or e-mail address")
	}
	row("CA certificate", caName)
	row("User certificate", keyName)
	b.WriteString("</dl>\n")
	for _, d := range devices {
		g := GuideFor(d)
		fmt.Fprintf(&b, "<h2>%s</h2>\n<ol>\n", html.EscapeString(g.Title))
		for _, step := range g.Steps {
			fmt.Fprintf(&b, "<li>%s</li>\n", html.EscapeString(step))
		}
		fmt.Fprintf(&b, "</ol>\n<p>%s</p>\n", html.EscapeString(g.Later))
	}
	b.WriteString("</main></body></html>\n")
	return []byte(b.String())
}

const pageHead = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Wi-Fi %[1]s</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:1rem auto;padding:0 1rem;overflow-wrap:anywhere}dt{font-weight:bold}dd{margin:0 0 .5rem}h2{break-after:avoid}li{margin-bottom:.5rem}</style>
</head><body><main>
<h1>Wi-Fi %[1]s</h1>
<dl>
`
