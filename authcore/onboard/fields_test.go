package onboard_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/authcore/onboard"
)

// A field is what the publisher of a format says of it: its type, the values it may have (any,
// if there are none) and whether it must be there.
type field struct {
	kind     string
	values   []string
	required bool
}

// judge holds the fields of one object against a table.
func judge(t *testing.T, where string, object map[string]any, table map[string]field) {
	t.Helper()
	for name, v := range object {
		f, known := table[name]
		if kind := kindOf(v); !known || kind != f.kind {
			t.Errorf("%s: %s is of type %s, want %q", where, name, kind, f.kind)
		}
		if s := fmt.Sprint(v); len(f.values) > 0 && !slices.Contains(f.values, s) {
			t.Errorf("%s: %s is %q, want one of %q", where, name, s, f.values)
		}
	}
	for name, f := range table {
		if _, there := object[name]; f.required && !there {
			t.Errorf("%s: %s is missing", where, name)
		}
	}
}

func kindOf(v any) string {
	switch v := v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case int, float64:
		return "integer"
	case []byte:
		return "data"
	case map[string]any:
		return "object"
	case []any:
		if len(v) == 0 {
			return "empty array"
		}
		return "array of " + kindOf(v[0])
	}
	return fmt.Sprintf("%T", v)
}

// The fields of an ONC file, after Chromium's specification of the format and the signatures of
// its validator.
var (
	oncFileFields = map[string]field{
		"Type":                  {"string", []string{"UnencryptedConfiguration"}, true},
		"NetworkConfigurations": {"array of object", nil, true},
		"Certificates":          {"array of object", nil, true},
	}
	oncNetworkFields = map[string]field{
		"GUID": {"string", nil, true}, "Name": {"string", nil, true}, "WiFi": {"object", nil, true},
		"Type": {"string", []string{"WiFi"}, true},
	}
	oncWiFiFields = map[string]field{
		"SSID": {"string", nil, true}, "AutoConnect": {"boolean", nil, false}, "EAP": {"object", nil, true},
		"Security": {"string", []string{"WPA-EAP"}, true},
	}
	oncEAPFields = map[string]field{
		"Outer":             {"string", []string{"EAP-TLS"}, true},
		"ClientCertType":    {"string", []string{"Pattern", "None"}, false},
		"ClientCertPattern": {"object", nil, false},
		"Identity":          {"string", nil, false},
		"SaveCredentials":   {"boolean", nil, false},
		"ServerCARefs":      {"array of string", nil, true},
		"UseSystemCAs":      {"boolean", []string{"false"}, true},
		"DomainSuffixMatch": {"array of string", nil, true},
	}
	oncPatternFields     = map[string]field{"Issuer": {"object", nil, true}}
	oncNameFields        = map[string]field{"CommonName": {"string", nil, false}, "Organization": {"string", nil, false}}
	oncCertificateFields = map[string]field{
		"GUID": {"string", nil, true}, "X509": {"string", nil, true}, "Type": {"string", []string{"Authority"}, true},
	}
)

// TestONCFields: an identity goes together with SaveCredentials, a pattern with its type, and of
// several organisations of an issuer one is named as it is.
func TestONCFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	several := *w.identity.Certificate
	several.Issuer.Organization = []string{"Acme", "Acme Holding"}
	nobody := *w.identity.Certificate
	nobody.Issuer.CommonName, nobody.Issuer.Organization = "", nil
	for _, tt := range []struct {
		name     string
		change   func(*onboard.Profile)
		pattern  string // organisation of it
		identity bool
	}{
		{"person", func(*onboard.Profile) {}, "Gatehouse lab", true},
		{"no name", func(p *onboard.Profile) { p.Name = "" }, "Gatehouse lab", false},
		{"several organisations", func(p *onboard.Profile) { p.Identity.Certificate = &several }, "Acme", true},
		{"nameless issuer", func(p *onboard.Profile) { p.Identity.Certificate = &nobody }, "", true},
		{"no certificate", func(p *onboard.Profile) { p.Identity = onboard.Identity{} }, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := profile(w, "acme", "alice")
			tt.change(&p)
			var file map[string]any
			if err := json.Unmarshal(filesOf(t, p)["wifi.onc"], &file); err != nil {
				t.Fatal(err)
			}
			judge(t, "file", file, oncFileFields)
			network := file["NetworkConfigurations"].([]any)[0].(map[string]any)
			judge(t, "network", network, oncNetworkFields)
			wifi := network["WiFi"].(map[string]any)
			judge(t, "WiFi", wifi, oncWiFiFields)
			eap := wifi["EAP"].(map[string]any)
			judge(t, "EAP", eap, oncEAPFields)
			for _, c := range file["Certificates"].([]any) {
				judge(t, "certificate", c.(map[string]any), oncCertificateFields)
			}
			if _, there := eap["Identity"]; there != tt.identity || eap["SaveCredentials"] != tt.identity {
				t.Errorf("Identity is there: %v, SaveCredentials: %v", there, eap["SaveCredentials"])
			}
			judgePattern(t, eap, tt.pattern)
		})
	}
}

func judgePattern(t *testing.T, eap map[string]any, organisation string) {
	t.Helper()
	pattern, there := eap["ClientCertPattern"].(map[string]any)
	if there != (eap["ClientCertType"] == "Pattern") || there != (organisation != "") {
		t.Fatalf("ClientCertType %v, pattern %v", eap["ClientCertType"], pattern)
	}
	if !there {
		return
	}
	judge(t, "pattern", pattern, oncPatternFields)
	issuer := pattern["Issuer"].(map[string]any)
	judge(t, "issuer", issuer, oncNameFields)
	if issuer["Organization"] != organisation {
		t.Errorf("Organization is %v, want %s", issuer["Organization"], organisation)
	}
}

// The keys of payloads, after the schemas that Apple publishes of its device management.
var (
	appleCommon = map[string]field{
		"PayloadType": {"string", nil, true}, "PayloadVersion": {"integer", []string{"1"}, true},
		"PayloadIdentifier": {"string", nil, true}, "PayloadUUID": {"string", nil, true},
		"PayloadDisplayName": {"string", nil, false}, "PayloadDescription": {"string", nil, false},
	}
	applePayloads = map[string]map[string]field{
		"Configuration": {"PayloadContent": {"array of object", nil, true}},
		"com.apple.security.root": {
			"PayloadContent": {"data", nil, true}, "PayloadCertificateFileName": {"string", nil, false}},
		"com.apple.security.pkcs12": {
			"PayloadContent": {"data", nil, true}, "PayloadCertificateFileName": {"string", nil, false}},
		"com.apple.wifi.managed": {
			"SSID_STR": {"string", nil, true}, "HIDDEN_NETWORK": {"boolean", nil, false}, "AutoJoin": {"boolean", nil, false},
			"EncryptionType":         {"string", []string{"WPA", "WPA2", "WPA3", "Any"}, true},
			"PayloadCertificateUUID": {"string", nil, false}, "EAPClientConfiguration": {"object", nil, true}},
	}
	appleEAP = map[string]field{
		"AcceptEAPTypes": {"array of integer", []string{"[13]"}, true}, "UserName": {"string", nil, false},
		"PayloadCertificateAnchorUUID": {"array of string", nil, true},
		"TLSTrustedServerNames":        {"array of string", nil, true},
		"TLSMinimumVersion":            {"string", []string{"1.2"}, true},
		"TLSMaximumVersion":            {"string", []string{"1.2", "1.3"}, true},
		"TLSAllowTrustExceptions":      {"boolean", []string{"false"}, true},
	}
	appleUUID = regexp.MustCompile(`^[0-9A-Za-z]{8}(-[0-9A-Za-z]{4}){3}-[0-9A-Za-z]{12}$`)
)

func TestMobileConfigFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"alice", ""} {
		p := profile(w, "acme", name)
		if name == "" {
			p.Identity = onboard.Identity{}
		}
		d := xml.NewDecoder(bytes.NewReader(filesOf(t, p)["wifi.mobileconfig"]))
		top := readPlist(t, d, nextStart(t, d)).([]any)[0].(map[string]any)
		payloads := append([]any{top}, top["PayloadContent"].([]any)...)
		if len(payloads) != 4 && name != "" || len(payloads) != 3 && name == "" {
			t.Errorf("%q: %d payloads", name, len(payloads))
		}
		for _, one := range payloads {
			payload := one.(map[string]any)
			kind := fmt.Sprint(payload["PayloadType"])
			table, known := applePayloads[kind]
			if !known {
				t.Errorf("nobody knows the payload %s", kind)
			}
			all := map[string]field{}
			for _, m := range []map[string]field{appleCommon, table} {
				for key, f := range m {
					all[key] = f
				}
			}
			judge(t, kind, payload, all)
			if id := fmt.Sprint(payload["PayloadUUID"]); !appleUUID.MatchString(id) {
				t.Errorf("%s: %s is no UUID", kind, id)
			}
			if eap, is := payload["EAPClientConfiguration"].(map[string]any); is {
				judge(t, "EAP", eap, appleEAP)
			}
		}
	}
}

func nextStart(t *testing.T, d *xml.Decoder) xml.StartElement {
	t.Helper()
	for {
		switch tok := must(d.Token())(t).(type) {
		case xml.StartElement:
			return tok
		case xml.EndElement:
			return xml.StartElement{}
		}
	}
}

// readPlist reads the value that start begins; plist and array are lists.
func readPlist(t *testing.T, d *xml.Decoder, start xml.StartElement) any {
	t.Helper()
	switch kind := start.Name.Local; kind {
	case "dict":
		object := map[string]any{}
		for s := nextStart(t, d); s.Name.Local != ""; s = nextStart(t, d) {
			key := text(t, d, s)
			if _, twice := object[key]; s.Name.Local != "key" || twice {
				t.Fatalf("<%s>%s, twice: %v", s.Name.Local, key, twice)
			}
			object[key] = readPlist(t, d, nextStart(t, d))
		}
		return object
	case "plist", "array":
		list := []any{}
		for s := nextStart(t, d); s.Name.Local != ""; s = nextStart(t, d) {
			list = append(list, readPlist(t, d, s))
		}
		return list
	case "true", "false":
		text(t, d, start)
		return kind == "true"
	case "string":
		return text(t, d, start)
	case "integer":
		var n int
		if _, err := fmt.Sscan(text(t, d, start), &n); err != nil {
			t.Fatal(err)
		}
		return n
	case "data":
		return must(base64.StdEncoding.DecodeString(strings.TrimSpace(text(t, d, start))))(t)
	default:
		t.Fatalf("<%s> where a value is due", kind)
		return nil
	}
}

func text(t *testing.T, d *xml.Decoder, start xml.StartElement) string {
	t.Helper()
	var s string
	if err := d.DecodeElement(&s, &start); err != nil {
		t.Fatal(err)
	}
	return s
}
