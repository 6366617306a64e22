package onboard

import (
	"encoding/base64"
	"encoding/json"
)

// The parts of an ONC file (Open Network Configuration, ChromiumOS) that are written.
type (
	oncFile struct {
		Type                  string
		NetworkConfigurations []oncNetwork
		Certificates          []oncCertificate
	}
	oncNetwork struct {
		GUID, Name, Type string
		WiFi             oncWiFi
	}
	oncWiFi struct {
		SSID, Security string
		AutoConnect    bool
		EAP            oncEAP
	}
	oncEAP struct {
		Outer, ClientCertType string
		ClientCertPattern     *oncPattern `json:",omitempty"`
		Identity              string      `json:",omitempty"`
		SaveCredentials       bool        // an Identity is not allowed without
		ServerCARefs          []string
		UseSystemCAs          bool
		DomainSuffixMatch     []string
	}
	oncPattern struct {
		Issuer oncName
	}
	oncName struct {
		CommonName   string `json:",omitempty"`
		Organization string `json:",omitempty"`
	}
	oncCertificate struct {
		GUID, Type, X509 string
	}
)

// onc is an ONC file. The key is not in it: ChromeOS reads such keys only where no password
// protects them, so the .p12 is imported by the person, and found by its issuer.
func (p *Profile) onc() []byte {
	f := oncFile{Type: "UnencryptedConfiguration"}
	eap := oncEAP{Outer: "EAP-TLS", ClientCertType: "None", Identity: p.Name,
		SaveCredentials: p.Name != "", DomainSuffixMatch: p.domains()}
	if c := p.Identity.Certificate; c != nil {
		name := oncName{CommonName: c.Issuer.CommonName}
		if len(c.Issuer.Organization) > 0 { // one of them has to be the same
			name.Organization = c.Issuer.Organization[0]
		}
		if name != (oncName{}) {
			eap.ClientCertType, eap.ClientCertPattern = "Pattern", &oncPattern{name}
		}
	}
	for _, root := range p.Trust.Roots {
		id := "{" + p.uuid("onc "+string(root.Raw)) + "}"
		eap.ServerCARefs = append(eap.ServerCARefs, id)
		f.Certificates = append(f.Certificates, oncCertificate{id, "Authority", base64.StdEncoding.EncodeToString(root.Raw)})
	}
	f.NetworkConfigurations = []oncNetwork{{GUID: "{" + p.uuid("onc") + "}", Name: p.SSID, Type: "WiFi",
		WiFi: oncWiFi{SSID: p.SSID, Security: "WPA-EAP", AutoConnect: true, EAP: eap}}}
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil // strings, bools and lists of them: it cannot happen
	}
	return append(data, '\n')
}
