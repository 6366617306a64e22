package onboard_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/onboard"
	"gatehouse/authcore/pki/lab"
)

// A world has a server's CA, its credential and a person's certificate.
type world struct {
	trust    onboard.Trust
	root     *x509.Certificate
	identity onboard.Identity
	password string
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func newWorld(t testing.TB) world {
	t.Helper()
	ca := must(lab.NewCA(lab.CAOptions{}))(t)
	server := must(ca.IssueServer(lab.ServerOptions{DNSNames: []string{"radius.acme.example", "*.wifi.acme.example"}}))(t)
	user := must(ca.IssueUser(lab.UserOptions{Identity: "alice@acme.example"}))(t)
	w := world{password: onboard.NewPassword(), root: parse(t, ca.CertificatePEM())}
	w.trust = must(onboard.TrustOf([][]*x509.Certificate{{server.Certificate}}, []*x509.Certificate{w.root}, time.Now()))(t)
	w.identity = must(onboard.Seal(user.Key, []*x509.Certificate{user.Certificate}, w.password, onboard.Modern))(t)
	return w
}

// parse returns the last certificate of a PEM file.
func parse(t testing.TB, data []byte) *x509.Certificate {
	t.Helper()
	var last *x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		last = must(x509.ParseCertificate(block.Bytes))(t)
	}
	return last
}

// hostile are names that mean something to one of the formats.
var hostile = []string{
	"Acme Wi-Fi", "12;34;", "123", `a"b'c`, `</string><script>alert(1)</script>`, "]]>&amp;&lt;", "${x} $(calc) `calc` %PATH%",
	"‘; calc; ’", `back\slash\s`, " space ", "# no comment", "p\"x\"", "=[x]", "blå 😀", "\u202egnp", "\u00a0",
}

func profile(w world, ssid, name string) onboard.Profile {
	return onboard.Profile{SSID: ssid, Name: name, Trust: w.trust, Identity: w.identity}
}

func filesOf(t testing.TB, p onboard.Profile) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, f := range must(onboard.Make(p, onboard.Devices()))(t) {
		if files[f.Name] != nil {
			t.Errorf("%s comes twice", f.Name)
		}
		if holds := bytes.Contains(f.Data, p.Identity.PKCS12) ||
			bytes.Contains(f.Data, []byte(base64.StdEncoding.EncodeToString(p.Identity.PKCS12))); len(p.Identity.PKCS12) > 0 && holds != f.Secret {
			t.Errorf("%s: holds the key %v, says so %v", f.Name, holds, f.Secret)
		}
		files[f.Name] = f.Data
	}
	return files
}

// TestMobileConfigIsReadByPlistlib has another parser read it back, for every hostile name.
func TestMobileConfigIsReadByPlistlib(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range hostile {
		p := profile(w, clip(name), name)
		out := python(t, `import plistlib,sys,json
p=plistlib.loads(sys.stdin.buffer.read())
c={x["PayloadType"]:x for x in p["PayloadContent"]}
w=c["com.apple.wifi.managed"];e=w["EAPClientConfiguration"]
print(json.dumps([w["SSID_STR"],e["UserName"],e["AcceptEAPTypes"],e["TLSTrustedServerNames"],e["TLSMinimumVersion"],
 e["PayloadCertificateAnchorUUID"]==[c["com.apple.security.root"]["PayloadUUID"]],
 w["PayloadCertificateUUID"]==c["com.apple.security.pkcs12"]["PayloadUUID"],
 c["com.apple.security.root"]["PayloadContent"].hex(),c["com.apple.security.pkcs12"]["PayloadContent"].hex(),
 len(set([p["PayloadUUID"]]+[x["PayloadUUID"] for x in p["PayloadContent"]]))]))`, filesOf(t, p)["wifi.mobileconfig"])
		var got []any
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		want := []any{clip(name), name, []any{13.0}, []any{"radius.acme.example", "*.wifi.acme.example"}, "1.2", true, true,
			hexOf(w.root.Raw), hexOf(w.identity.PKCS12), 4.0}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got)\n%s", name, diff)
		}
	}
}

// TestWLANProfile reads the profile of Windows, and that the script carries nothing but base64.
func TestWLANProfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	line := regexp.MustCompile(`^  Save '([a-z0-9.]+)' '([A-Za-z0-9+/=]+)'$`)
	var plain string
	for i, name := range hostile {
		p := profile(w, clip(name), name)
		files := filesOf(t, p)
		var got struct {
			Name  string   `xml:"name"`
			Hex   string   `xml:"SSIDConfig>SSID>hex"`
			Mode  string   `xml:"MSM>security>OneX>authMode"`
			Types []string `xml:"MSM>security>OneX>EAPConfig>EapHostConfig>EapMethod>Type"`
			Names string   `xml:"MSM>security>OneX>EAPConfig>EapHostConfig>Config>Eap>EapType>ServerValidation>ServerNames"`
			Root  string   `xml:"MSM>security>OneX>EAPConfig>EapHostConfig>Config>Eap>EapType>ServerValidation>TrustedRootCA"`
		}
		if err := xml.Unmarshal(files["wifi-profile.xml"], &got); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if got.Name != clip(name) || got.Hex != strings.ToUpper(hexOf([]byte(clip(name)))) || got.Mode != "user" ||
			got.Types[0] != "13" || got.Names != `^radius\.acme\.example$;^[^.]+\.wifi\.acme\.example$` || len(got.Root) != 59 {
			t.Errorf("%q: got %+v", name, got)
		}
		saved := map[string][]byte{}
		var rest []string
		for _, l := range strings.Split(string(files["install-wifi.ps1"]), "\r\n") {
			if m := line.FindStringSubmatch(l); m != nil {
				saved[m[1]] = must(base64.StdEncoding.DecodeString(m[2]))(t)
			} else {
				rest = append(rest, l)
			}
		}
		want := map[string][]byte{"ca0.cer": w.root.Raw, "user.pfx": w.identity.PKCS12, "wifi.xml": files["wifi-profile.xml"]}
		if diff := cmp.Diff(want, saved); diff != "" {
			t.Errorf("%q (-want +got)\n%s", name, diff)
		}
		if text := strings.Join(rest, "\n"); i == 0 {
			plain = text
		} else if text != plain {
			t.Errorf("%q: the script itself depends on the name:\n%s", name, cmp.Diff(plain, text))
		}
	}
	p := profile(w, "acme", "")
	p.Machine = true
	files := filesOf(t, p)
	if !bytes.Contains(files["wifi-profile.xml"], []byte("<authMode>machine<")) || !bytes.Contains(files["install-wifi.ps1"], []byte("'LocalMachine'")) {
		t.Error("Machine does not go into the stores of the machine")
	}
}

// TestONC reads it back with another parser's eyes.
func TestONC(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range hostile {
		out := python(t, `import json,sys
o=json.load(sys.stdin)
n=o["NetworkConfigurations"][0];w=n["WiFi"];e=w["EAP"]
print(json.dumps([w["SSID"],e["Identity"],e["Outer"],e["DomainSuffixMatch"],e["ServerCARefs"]==[c["GUID"] for c in o["Certificates"]],e["ClientCertType"],e["UseSystemCAs"]]))`,
			filesOf(t, profile(w, clip(name), name))["wifi.onc"])
		var got []any
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		want := []any{clip(name), name, "EAP-TLS", []any{"radius.acme.example", "wifi.acme.example"}, true, "Pattern", false}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got)\n%s", name, diff)
		}
	}
}

// TestWpaSupplicantReadsIt has eapol_test parse the block, and say what it took the identity for.
func TestWpaSupplicantReadsIt(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("eapol_test")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("eapol_test is not installed; testdata/peers/install.sh installs it")
		}
		t.Skip("eapol_test is not installed; testdata/peers/install.sh installs it")
	}
	w := newWorld(t)
	identity := regexp.MustCompile(`(?m)^identity - hexdump_ascii\(len=\d+\):\n((?:     .*\n)+)`)
	ssid := regexp.MustCompile(`(?m)^ssid - hexdump_ascii\(len=\d+\):\n((?:     .*\n)+)`)
	for _, name := range hostile {
		files := filesOf(t, profile(w, clip(name), name))
		conf := filepath.Join(t.TempDir(), "eapol_test.conf")
		if err := os.WriteFile(conf, files["eapol_test.conf"], 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		out, _ := exec.CommandContext(ctx, program, "-c", conf, "-a", "127.0.0.1", "-p", "9", "-s", "x", "-t", "0").CombinedOutput() // nobody answers
		cancel()
		for what, pattern := range map[string]*regexp.Regexp{"ssid": ssid, "identity": identity} {
			want := clip(name)
			if what == "identity" {
				want = name
			}
			m := pattern.FindSubmatch(out)
			if m == nil || dumped(string(m[1])) != hexOf([]byte(want)) {
				t.Errorf("%q: the %s was read as %q\n%.600s", name, what, m, out)
			}
		}
		if bytes.Contains(out, []byte("parse")) && bytes.Contains(out, []byte("Failed")) {
			t.Errorf("%q: %.600s", name, out)
		}
		for _, must := range []string{"domain_suffix_match=\"radius.acme.example;wifi.acme.example\"", onboard.PasswordMark} {
			if !strings.Contains(string(files["wpa_supplicant.conf"]), must) {
				t.Errorf("%q: %s is missing", name, must)
			}
		}
	}
}

// dumped is the hexadecimal of a dump of wpa_supplicant.
func dumped(text string) string {
	var all strings.Builder
	for _, l := range strings.Split(text, "\n") {
		if len(l) > 5 {
			all.WriteString(strings.ReplaceAll(l[5:min(len(l), 53)], " ", ""))
		}
	}
	return all.String()
}

// TestKeyfile holds each line by the rules of GKeyFile.
func TestKeyfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct{ ssid, want string }{
		{"Acme Wi-Fi", "ssid=Acme Wi-Fi\n"}, {"12", "ssid=49;50;\n"}, {"a;b", "ssid=97;59;98;\n"}, {" a", "ssid=32;97;\n"},
		{`a\b`, "ssid=97;92;98;\n"}, {"é", "ssid=195;169;\n"},
	} {
		text := string(filesOf(t, profile(w, tt.ssid, ` a\b `))["wifi.nmconnection"])
		for _, want := range []string{tt.want, "identity=\\sa\\\\b\\s\n", "domain-suffix-match=radius.acme.example;wifi.acme.example\n",
			"private-key-password-flags=1\n", "eap=tls;\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q: no %q in\n%s", tt.ssid, want, text)
			}
		}
	}
}

// TestPagesAreHarmless: nothing of a name becomes a tag.
func TestPagesAreHarmless(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range hostile {
		files := filesOf(t, profile(w, clip(name), name))
		for _, page := range []string{"instructions.html", "android.html"} {
			if bytes.Contains(files[page], []byte("<script")) || !bytes.Contains(files[page], []byte("radius.acme.example")) {
				t.Errorf("%q: %s is\n%s", name, page, files[page])
			}
			if text := string(files[page]); strings.Count(text, "<main>") != 1 || !strings.HasSuffix(text, "</main></body></html>\n") {
				t.Errorf("%s has no main part, which screen readers go to:\n%s", page, text)
			}
		}
	}
}

func TestMakeRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct {
		name   string
		change func(*onboard.Profile)
		want   string
	}{
		{"no ssid", func(p *onboard.Profile) { p.SSID = "" }, "is missing"},
		{"long ssid", func(p *onboard.Profile) { p.SSID = strings.Repeat("é", 17) }, "has 34 bytes"},
		{"line end", func(p *onboard.Profile) { p.SSID = "a\nssid=b" }, "control characters"},
		{"nul", func(p *onboard.Profile) { p.Name = "a\x00" }, "control characters"},
		{"no UTF-8", func(p *onboard.Profile) { p.Name = "a\xff" }, "control characters"},
		{"no XML", func(p *onboard.Profile) { p.Name = "a\uffff" }, "control characters"},
		{"line separator", func(p *onboard.Profile) { p.Name = "a\u2028b" }, "control characters"},
		{"long identity", func(p *onboard.Profile) { p.Name = strings.Repeat("a", 254) }, "254 bytes"},
		{"no names", func(p *onboard.Profile) { p.Trust.Names = nil }, "has no DNS name"},
		{"odd name", func(p *onboard.Profile) { p.Trust.Names = []string{`a"b`} }, "which is none"},
		{"bare wildcard", func(p *onboard.Profile) { p.Trust.Names = []string{`*.`} }, "which is none"},
		{"no root", func(p *onboard.Profile) { p.Trust.Roots = nil }, "root CA"},
		{"no p12", func(p *onboard.Profile) { p.Identity.PKCS12 = []byte("hello") }, "no PKCS #12"},
		{"large p12", func(p *onboard.Profile) { p.Identity.PKCS12 = make([]byte, 1<<17) }, "64 KiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := profile(w, "acme", "alice")
			tt.change(&p)
			_, err := onboard.Make(p, onboard.Devices())
			if !errors.Is(err, onboard.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestSameProfileTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if diff := cmp.Diff(filesOf(t, profile(w, "acme", "alice")), filesOf(t, profile(w, "acme", "alice"))); diff != "" {
		t.Error(diff)
	}
	other := filesOf(t, profile(w, "acme", "bob"))
	if bytes.Equal(other["wifi.mobileconfig"], filesOf(t, profile(w, "acme", "alice"))["wifi.mobileconfig"]) {
		t.Error("another person has the same profile")
	}
}

func TestTrustOf(t *testing.T) {
	t.Parallel()
	ca, stranger := must(lab.NewCA(lab.CAOptions{}))(t), must(lab.NewCA(lab.CAOptions{}))(t)
	server := must(ca.IssueServer(lab.ServerOptions{DNSNames: []string{"radius.acme.example"}}))(t)
	chain := [][]*x509.Certificate{{server.Certificate}}
	root := parse(t, ca.CertificatePEM())
	if _, err := onboard.TrustOf(chain, []*x509.Certificate{parse(t, stranger.CertificatePEM())}, time.Now()); !errors.Is(err, onboard.ErrInvalid) ||
		!strings.Contains(err.Error(), "not at hand") {
		t.Errorf("a stranger's root: got %v", err)
	}
	if _, err := onboard.TrustOf(chain, []*x509.Certificate{root}, time.Now().Add(100*365*24*time.Hour)); !errors.Is(err, onboard.ErrInvalid) {
		t.Errorf("an expired certificate: got %v", err)
	}
	got, err := onboard.TrustOf(append(chain, chain...), []*x509.Certificate{root}, time.Now())
	if err != nil || len(got.Roots) != 1 || len(got.Names) != 1 || !got.Roots[0].Equal(root) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestOpensslOpensTheKey in both ways of sealing, with the password only.
func TestOpensslOpensTheKey(t *testing.T) {
	t.Parallel()
	user := must(must(lab.NewCA(lab.CAOptions{}))(t).IssueUser(lab.UserOptions{Identity: "alice@acme.example"}))(t)
	for _, compat := range []onboard.Compat{onboard.Modern, onboard.Legacy} {
		id := must(onboard.Seal(user.Key, []*x509.Certificate{user.Certificate}, "pässword", compat))(t)
		if back, err := onboard.Open(id.PKCS12, "pässword"); err != nil || !back.Certificate.Equal(user.Certificate) {
			t.Errorf("%q: opened again: %v", compat, err)
		}
		if _, err := onboard.Open(id.PKCS12, "password"); !errors.Is(err, onboard.ErrInvalid) {
			t.Errorf("%q: with another password: %v", compat, err)
		}
		args := []string{"pkcs12", "-nodes", "-passin", "pass:pässword"}
		if compat == onboard.Legacy {
			args = append(args, "-legacy")
		}
		cmd := exec.CommandContext(t.Context(), "openssl", args...)
		cmd.Stdin = bytes.NewReader(id.PKCS12)
		out, err := cmd.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("BEGIN PRIVATE KEY")) {
			t.Errorf("%q: openssl: %v %s", compat, err, out)
		}
	}
	if a, b := onboard.NewPassword(), onboard.NewPassword(); a == b || len(a) != 23 {
		t.Errorf("passwords %q and %q", a, b)
	}
}

// FuzzMake holds that what is accepted is well-formed in the formats that Go can read.
func FuzzMake(f *testing.F) {
	w := newWorld(f)
	for _, name := range hostile {
		f.Add(name, name)
	}
	f.Fuzz(func(t *testing.T, ssid, name string) {
		files, err := onboard.Make(profile(w, ssid, name), onboard.Devices())
		if err != nil {
			if !errors.Is(err, onboard.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		for _, file := range files {
			switch filepath.Ext(file.Name) {
			case ".xml", ".mobileconfig":
				for d := xml.NewDecoder(bytes.NewReader(file.Data)); ; {
					if _, err := d.Token(); err == io.EOF {
						break
					} else if err != nil {
						t.Fatalf("%s: %v", file.Name, err)
					}
				}
			case ".onc":
				if !json.Valid(file.Data) {
					t.Fatalf("%s: %s", file.Name, file.Data)
				}
			case ".conf", ".nmconnection":
				if n := bytes.Count(file.Data, []byte("\n")); n > 40 {
					t.Fatalf("%s has %d lines", file.Name, n)
				}
			}
		}
	})
}

// clip is s as an SSID, which has 32 bytes at the most.
func clip(s string) string {
	for len(s) > 32 {
		r := []rune(s)
		s = string(r[:len(r)-1])
	}
	return s
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var s strings.Builder
	for _, c := range b {
		s.WriteByte(digits[c>>4])
		s.WriteByte(digits[c&15])
	}
	return s.String()
}

func python(t *testing.T, script string, in []byte) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "python3", "-c", script)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3: %v on\n%s", err, in)
	}
	return out
}
