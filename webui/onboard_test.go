package webui_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/authcore/onboard"
	"gatehouse/webui"
)

// onboardings makes two files, of what it was asked for.
func onboardings(o webui.OnboardOrder) (webui.Onboarding, error) {
	if _, err := o.Devices(); err != nil {
		return webui.Onboarding{}, err
	}
	if o.SSID == "" {
		return webui.Onboarding{}, fmt.Errorf("%w: the name of the network (SSID) is missing", webui.ErrInvalid)
	}
	return webui.Onboarding{ServerNames: []string{"radius.acme.example"}, RootSHA256: []string{"ab"}, Files: []onboard.File{
		{Name: "ca.crt", Type: "application/x-x509-ca-cert", Data: []byte("CA")},
		{Name: "wifi.mobileconfig", Type: "application/x-apple-aspen-config", Secret: len(o.PKCS12) > 0,
			Data: []byte(o.SSID + "|" + o.Identity + "|" + string(o.PKCS12))},
	}}, nil
}

func TestOnboardRoute(t *testing.T) {
	t.Parallel()
	local := webui.NewLocal(config())
	for _, tt := range []struct {
		name, body string
		code       int
		want       string
	}{
		{"all", `{"ssid":"Acme","pkcs12":"MAA="}`, 200, `"server_names":["radius.acme.example"],"root_sha256":["ab"],"files":[{"name":"ca.crt"`},
		{"key", `{"ssid":"Acme","pkcs12":"MAA="}`, 200, `"secret":true`},
		{"device", `{"ssid":"Acme","for":["amiga"]}`, 400, "no device is called"},
		{"nothing", `{}`, 400, "SSID"},
		{"password", `{"ssid":"Acme","password":"x"}`, 400, "unknown field"},
		{"too large", `{"ssid":"` + strings.Repeat("a", 300<<10) + `"}`, 400, "reading the order"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/api/v1/onboard", strings.NewReader(tt.body))
			w := httptest.NewRecorder()
			local.ServeHTTP(w, r)
			if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.want) {
				t.Errorf("got %d %.200s, want %d with %s", w.Code, w.Body, tt.code, tt.want)
			}
		})
	}
}

// partsOf is a form of several parts, p12 being a file.
func partsOf(t *testing.T, fields map[string]string) (body, kind string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for name, value := range fields {
		var w io.Writer
		var err error
		if name == "p12" {
			w, err = m.CreateFormFile(name, "alice.p12")
		} else {
			w, err = m.CreateFormField(name)
		}
		if err == nil {
			_, err = io.WriteString(w, value)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), m.FormDataContentType()
}

func TestOnboardForm(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	cookie := h.signIn("tech")
	send := func(fields map[string]string) (code int, kind, body string) {
		body, kind = partsOf(t, fields)
		w := h.do(visit{method: "POST", path: "/setup/onboard", cookie: cookie, body: body,
			header: http.Header{"Content-Type": {kind}}})
		return w.Code, w.Header().Get("Content-Type"), w.Body.String()
	}
	code, kind, body := send(map[string]string{"ssid": "Acme", "identity": " alice ", "device": "ios", "p12": "0key"})
	if code != 200 || kind != "application/x-apple-aspen-config" || body != "Acme|alice|0key" {
		t.Errorf("for Apple: got %d %s %q", code, kind, body)
	}
	code, kind, body = send(map[string]string{"ssid": "Acme", "device": "all"})
	if code != 200 || kind != "application/zip" {
		t.Fatalf("for all: got %d %s %.200q", code, kind, body)
	}
	z, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
	if err != nil || len(z.File) != 2 || z.File[0].Name != "ca.crt" || z.File[1].Name != "wifi.mobileconfig" {
		t.Errorf("the archive: %+v, %v", z, err)
	}
	code, kind, body = send(map[string]string{"ssid": "", "identity": `"><script>alert(1)</script>`, "device": "windows", "p12": "0planted"})
	if code != 400 || !strings.Contains(body, "is missing.") || strings.Contains(body, "<script>alert") ||
		strings.Contains(body, "0planted") || !strings.Contains(body, `<option value="windows" selected>`) {
		t.Errorf("without a network: got %d %s\n%s", code, kind, body)
	}
	if code, _, _ = send(map[string]string{"ssid": "Acme", "device": "ios", "p12": strings.Repeat("0", 1<<20)}); code != 400 {
		t.Errorf("a file of 1 MiB: got %d", code)
	}
	w := h.do(visit{path: "/setup/onboard?user=alice%22%3E%3Cb%3E", cookie: cookie})
	if !strings.Contains(w.Body.String(), `value="alice&#34;&gt;&lt;b&gt;"`) {
		t.Errorf("the name of a link is not in the form:\n%s", w.Body)
	}
}

// TestGuides: a page for every system, each with what is asked there.
func TestGuides(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	cookie := h.signIn("viewer")
	for device, want := range map[string]string{"ios": "Always Allow", "macos": "trust settings", "windows": "Connect using a certificate",
		"android": "Domain", "chromeos": "wifi.onc", "linux": "NetworkManager"} {
		w := h.do(visit{path: "/people/" + device, cookie: cookie})
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: got %d, without %q", device, w.Code, want)
		}
		if page := h.do(visit{path: "/people", cookie: cookie}).Body.String(); device != "macos" && !strings.Contains(page, `"/people/`+device+`"`) {
			t.Errorf("%s is not in the list", device)
		}
	}
	if w := h.do(visit{path: "/people/amiga", cookie: cookie}); w.Code != 404 {
		t.Errorf("no such guide: got %d", w.Code)
	}
}
