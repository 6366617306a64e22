package notice_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/notice"
)

// message is about one server certificate.
func message() *notice.Message {
	items := []notice.Item{{Kind: notice.Server, Name: "rsa", Subject: "r.example",
		NotAfter: noon.Add(7 * day), Page: "/server/rsa"}}
	return &notice.Message{Node: "oslo-1", At: noon,
		Notices: notice.Soon(items, noon, []int{60}, "https://o.example")}
}

func TestWebhookPosts(t *testing.T) {
	t.Parallel()
	var method, contentType, user string
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method, contentType = r.Method, r.Header.Get("Content-Type")
		user, _, _ = r.BasicAuth()
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	address := strings.Replace(server.URL, "http://", "http://gate:pw@", 1)
	if err := notice.NewWebhook(address).Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	if method != "POST" || contentType != "application/json" || user != "gate" {
		t.Errorf("got %s, %s, user %q", method, contentType, user)
	}
	var got struct {
		Type, Node, Time, Text string
		Notices                []map[string]any
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	const what = "he RADIUS server certificate rsa (r.example) expires in 7 days, on 2026-03-08 12:00 UTC"
	want := []map[string]any{{"kind": "server", "name": "rsa", "subject": "r.example", "days": 7.0,
		"not_after": "2026-03-08T12:00:00Z", "link": "https://o.example/server/rsa", "link_text": "Replace certificate", "text": "t" + what}}
	for _, n := range got.Notices {
		if len(n["fingerprint"].(string)) != 64 || n["remedy"] == "" {
			t.Errorf("got fingerprint %v, remedy %q", n["fingerprint"], n["remedy"])
		}
		delete(n, "fingerprint")
		delete(n, "remedy")
	}
	if diff := cmp.Diff(want, got.Notices); diff != "" {
		t.Errorf("(- want, + got)\n%s", diff)
	}
	if got.Type != "certificate_expiry" || got.Node != "oslo-1" || got.Time != "2026-03-01T12:00:00Z" ||
		!strings.HasPrefix(got.Text, "Gatehouse oslo-1: t"+what) || !strings.Contains(got.Text, "* T"+what) {
		t.Errorf("got %+v", got)
	}
}

// TestWebhookFailures shows what counts as a failure. No error holds the token in the address.
func TestWebhookFailures(t *testing.T) {
	t.Parallel()
	const token = "golden-secret"
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("asked by redirect, with Referer %q", r.Header.Get("Referer"))
	}))
	defer other.Close()
	handler := func(w http.ResponseWriter, r *http.Request) {
		to := func(code int, where string) {
			w.Header().Set("Location", where)
			w.WriteHeader(code)
		}
		switch strings.TrimPrefix(r.URL.Path, "/"+token+"/") {
		case "500":
			http.Error(w, token, http.StatusInternalServerError)
		case "302":
			to(302, "/"+token+"/done")
		case "host":
			to(307, other.URL+"/"+token)
		case "scheme":
			to(307, "https://"+r.Host+"/"+token)
		case "loop":
			to(307, r.URL.Path)
		case "nowhere":
			to(307, "http://%zz/"+token)
		case "same":
			to(308, "/"+token+"/done")
		case "done":
			if r.Method != http.MethodPost || r.Header.Get("Referer") != "" || r.ContentLength < 100 {
				t.Errorf("after a redirect: got %s, Referer %q, %d bytes", r.Method,
					r.Header.Get("Referer"), r.ContentLength)
			}
		case "head":
			w.Header().Set("X", strings.Repeat("x", 1<<20))
		case "cut":
			panic(http.ErrAbortHandler)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(handler))
	defer server.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(handler))
	defer secure.Close()
	secure.Config.ErrorLog = nil
	for name, tt := range map[string]struct{ url, want string }{
		"500":        {server.URL + "/" + token + "/500", "status 500"},
		"get":        {server.URL + "/" + token + "/302", "redirects"},
		"host":       {server.URL + "/" + token + "/host", "redirects"},
		"scheme":     {server.URL + "/" + token + "/scheme", "redirects"},
		"loop":       {server.URL + "/" + token + "/loop", "redirects"},
		"nowhere":    {server.URL + "/" + token + "/nowhere", "no answer that can be read"},
		"same":       {server.URL + "/" + token + "/same", ""},
		"endless":    {server.URL + "/" + token + "/head", "no answer that can be read"},
		"cut":        {server.URL + "/" + token + "/cut", "EOF"},
		"no_address": {"http://%zz/" + token, "its address is none"},
		"no_server":  {"http://127.0.0.1:1/" + token, "refused"},
		"untrusted":  {secure.URL + "/" + token + "/done", "unknown authority"},
		"not_tls":    {strings.Replace(server.URL, "http:", "https:", 1) + "/" + token, "HTTP response to HTTPS"},
	} {
		t.Run(name, func(t *testing.T) {
			err := notice.NewWebhook(tt.url).Send(t.Context(), message())
			switch {
			case tt.want == "":
				if err != nil {
					t.Errorf("Send: got %v, want no error", err)
				}
			case err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), token):
				t.Errorf("Send: got %v, want an error with %q and no token", err, tt.want)
			}
		})
	}
}
