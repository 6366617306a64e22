package radius_test

import (
	"testing"

	"gatehouse/authcore/radius"
)

func TestSSID(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][2]string{
		"AA-BB-CC-DD-EE-FF:guests":         {"AA-BB-CC-DD-EE-FF", "guests"},
		"aa:bb:cc:dd:ee:ff:guests":         {"aa:bb:cc:dd:ee:ff", "guests"},
		"aabb.ccdd.eeff:guests":            {"aabb.ccdd.eeff", "guests"},
		"AABBCCDDEEFF:guests":              {"AABBCCDDEEFF", "guests"},
		"aabbcc-ddeeff:guests":             {"aabbcc-ddeeff", "guests"},
		"AA-BB-CC-DD-EE-FF:a:b":            {"AA-BB-CC-DD-EE-FF", "a:b"},
		"AA-BB-CC-DD-EE-FF: spaced out ":   {"AA-BB-CC-DD-EE-FF", " spaced out "},
		"AA-BB-CC-DD-EE-FF:":               {"AA-BB-CC-DD-EE-FF", ""},
		"AA-BB-CC-DD-EE-FF":                {"AA-BB-CC-DD-EE-FF", ""},
		"aa:bb:cc:dd:ee:ff":                {"aa:bb:cc:dd:ee:ff", ""},
		"lobby-ap:guests":                  {"", "guests"},
		"guests":                           {"", "guests"},
		"":                                 {"", ""},
		":":                                {"", ""},
		"AA-BB-CC-DD-EE-FF0:guests":        {"", "guests"},
		"AA-BB-CC-DD-EE:guests":            {"", "guests"},
		"caf\xc3\xa9-ap:caf\xc3\xa9":       {"", "caf\xc3\xa9"},
		"AA--BB-CC-DD-EE-FF:guests":        {"", "guests"},
		"02-00-00-00-00-FE:\x00\xff binar": {"02-00-00-00-00-FE", "\x00\xff binar"},
	} {
		if mac, ssid := radius.SSID([]byte(in)); mac != want[0] || ssid != want[1] {
			t.Errorf("SSID(%q) = %q, %q, want %q, %q", in, mac, ssid, want[0], want[1])
		}
	}
}
