package radius_test

import (
	"bufio"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gatehouse/authcore/radius"
)

func TestAZ3EncodeAttribute(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, value string
		typ         radius.Type
		want        string // hex
	}{
		{"Filter-Id", "guest", 11, "6775657374"},
		{"Session-Timeout", "3600", 27, "00000e10"},
		{"Acct-Interim-Interval", "60", 85, "0000003c"},
		{"Termination-Action", "RADIUS-Request", 29, "00000001"},
		{"Termination-Action", "0", 29, "00000000"},
		{"Framed-IP-Address", "192.0.2.7", 8, "c0000207"},
		{"Framed-IPv6-Prefix", "2001:db8::/32", 97,
			"0020" + "20010db8000000000000000000000000"},
		{"Class", "staff", 25, "7374616666"},
		{"Class", "0x00ff", 25, "00ff"},
		{"Reply-Message", "grüß dich", 18, "6772c3bcc39f2064696368"},
		{"Cisco-AVPair", "a=b", 26, "00000009" + "0105" + "613d62"},
		{"Aruba-User-Vlan", "30", 26, "000039e7" + "0206" + "0000001e"},
		{"WISPr-Bandwidth-Max-Up", "1000000", 26, "0000372a" + "0706" + "000f4240"},
		{"Mikrotik-Group", "x", 26, "00003a8c" + "0303" + "78"},
	} {
		t.Run(tc.name+"-"+tc.value[:1], func(t *testing.T) {
			t.Parallel()
			typ, value, err := radius.EncodeAttribute(tc.name, tc.value)
			if err != nil || typ != tc.typ || hex.EncodeToString(value) != tc.want {
				t.Errorf("EncodeAttribute(%q, %q) = %v, %x, %v, want %v, %s",
					tc.name, tc.value, typ, value, err, tc.typ, tc.want)
			}
			if err := radius.NewResponse(radius.CodeAccessAccept).Add(typ, value); err != nil {
				t.Errorf("Add of the result: %v", err)
			}
		})
	}
}

func TestAZ3RefusedValues(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, value, want string }{
		{"Filter-Id", "", "empty"},
		{"Filter-Id", strings.Repeat("x", 254), "longer"},
		{"Filter-Id", "a\x00b", "NUL"},
		{"Filter-Id", "\xff", "UTF-8"},
		{"Cisco-AVPair", strings.Repeat("x", 248), "longer"},
		{"Session-Timeout", "1h", "whole number"},
		{"Session-Timeout", "-1", "whole number"},
		{"Session-Timeout", "4294967296", "whole number"},
		{"Session-Timeout", "0", "not between 1 and 4294967295"},
		{"Acct-Interim-Interval", "59", "not between 60"},
		{"Framed-MTU", "63", "not between 64 and 65535"},
		{"Framed-MTU", "65536", "not between 64 and 65535"},
		{"Termination-Action", "Reboot", "one of Default, RADIUS-Request"},
		{"Framed-IP-Address", "192.0.2", "IPv4"},
		{"Framed-IP-Address", "::1", "IPv4"},
		{"Framed-IPv6-Prefix", "2001:db8::1/32", "did you mean 2001:db8::/32"},
		{"Framed-IPv6-Prefix", "10.0.0.0/8", "IPv6 prefix"},
		{"Class", "0x0", "hex"},
		{"Class", "0x", "empty"},
	} {
		typ, value, err := radius.EncodeAttribute(tc.name, tc.value)
		if err == nil || typ != 0 || value != nil {
			t.Errorf("EncodeAttribute(%q, %q) = %v, %x, want an error",
				tc.name, tc.value, typ, value)
			continue
		}
		if !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), tc.name) {
			t.Errorf("EncodeAttribute(%q, %q) says %q, want %q in it",
				tc.name, tc.value, err, tc.want)
		}
	}
}

func TestUnknownAttributeNamesTheNearest(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Filter-ID": "Filter-Id", "session-timeout": "Session-Timeout",
		"Sesion-Timeout": "Session-Timeout", "Aruba-User-Rol": "Aruba-User-Role",
		"Tunnel-Typ": "Tunnel-Type", "Qwertz": "", strings.Repeat("x", 1000): "",
	} {
		_, _, err := radius.EncodeAttribute(in, "x")
		var unknown *radius.UnknownAttributeError
		if !errors.As(err, &unknown) {
			t.Errorf("EncodeAttribute(%q) = %v, want an *UnknownAttributeError", in, err)
			continue
		}
		if unknown.Nearest != want {
			t.Errorf("EncodeAttribute(%q) suggests %q, want %q", in, unknown.Nearest, want)
		}
	}
}

func TestOwnedAttributesAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"State", "EAP-Message", "Message-Authenticator", "Proxy-State", "MS-MPPE-Send-Key",
		"MS-MPPE-Recv-Key", "User-Password", "Vendor-Specific", "EAP-Key-Name",
	} {
		_, _, err := radius.EncodeAttribute(name, "x")
		var owned *radius.OwnedAttributeError
		if !errors.As(err, &owned) || owned.Hint == "" {
			t.Errorf("EncodeAttribute(%q) = %v, want an *OwnedAttributeError with a hint", name, err)
		}
	}
	_, _, err := radius.EncodeAttribute("Tunnel-Private-Group-Id", "30")
	if err == nil || !strings.Contains(err.Error(), "vlan:") {
		t.Errorf("Tunnel-Private-Group-Id says %v, want a hint to vlan:", err)
	}
}

// TestNamesAndNumbersAreFreeRADIUS compares our table with the dictionaries of FreeRADIUS.
func TestNamesAndNumbersAreFreeRADIUS(t *testing.T) {
	t.Parallel()
	dictionary := freeRADIUS(t)
	for _, name := range radius.AttributeNames() {
		want, ok := dictionary[strings.ToLower(name)]
		if !ok {
			t.Errorf("%s is in no dictionary", name)
			continue
		}
		typ, value, err := encodeAny(name)
		if err != nil {
			t.Errorf("no sample value fits %s: %v", name, err)
			continue
		}
		got := strconv.Itoa(int(typ))
		if typ == radius.TypeVendorSpecific {
			vendor := int(value[0])<<24 | int(value[1])<<16 | int(value[2])<<8 | int(value[3])
			got = strconv.Itoa(vendor) + "/" + strconv.Itoa(int(value[4]))
		}
		if got != want.number || name != want.name {
			t.Errorf("%s is %s, want %s %s", name, got, want.name, want.number)
		}
	}
}

func encodeAny(name string) (typ radius.Type, value []byte, err error) {
	for _, sample := range []string{"600", "192.0.2.1", "2001:db8::/32", "Default"} {
		if typ, value, err = radius.EncodeAttribute(name, sample); err == nil {
			return typ, value, nil
		}
	}
	return typ, value, err
}

type dictionaryEntry struct{ name, number string }

// freeRADIUS reads the dictionaries installed with FreeRADIUS: number, or vendor/number.
func freeRADIUS(t *testing.T) map[string]dictionaryEntry {
	files, _ := filepath.Glob("/usr/share/freeradius/dictionary.*")
	if len(files) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("the dictionaries of FreeRADIUS are not installed (freeradius-common)")
		}
		t.Skip("the dictionaries of FreeRADIUS are not installed (freeradius-common)")
	}
	entries := make(map[string]dictionaryEntry)
	for _, file := range files {
		readDictionary(t, file, entries)
	}
	return entries
}

func readDictionary(t *testing.T, file string, entries map[string]dictionaryEntry) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	vendor := ""
	vendors := make(map[string]string)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) >= 3 && words[0] == "VENDOR":
			vendors[words[1]] = words[2] + "/"
		case len(words) >= 2 && words[0] == "BEGIN-VENDOR":
			vendor = vendors[words[1]]
		case len(words) >= 2 && words[0] == "END-VENDOR":
			vendor = ""
		case len(words) >= 4 && words[0] == "ATTRIBUTE":
			entries[strings.ToLower(words[1])] = dictionaryEntry{words[1], vendor + words[2]}
		}
	}
}
