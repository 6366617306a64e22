package webui_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"gatehouse/webui"
)

// bundles takes whatever is pushed.
func bundles() webui.Bundles {
	return webui.Bundles{
		State: func() webui.Bundle { return webui.Bundle{InForce: &webui.BundleVersion{Name: "000042-abcdef01"}} },
		Contents: func(version string) (*webui.BundleContents, error) {
			if version == "41" {
				return nil, fmt.Errorf("%w: no such version is kept here", webui.ErrNotFound)
			}
			return &webui.BundleContents{Objects: []webui.BundleObject{}}, nil
		},
		Changes: func(string, string) (*webui.BundleChanges, error) {
			return &webui.BundleChanges{Objects: []webui.BundleFileChange{}, Changes: []webui.BundleChange{},
				AccessChanged: 1, Access: []webui.BundleChange{{Op: "added", Kind: "account", Name: "mallory"}}}, nil
		},
		Push: func(archive io.Reader, _ []byte) (string, error) {
			sum := sha256.New()
			_, err := io.Copy(sum, archive)
			return hex.EncodeToString(sum.Sum(nil)), err
		},
		Pushed: func(hash string) (webui.BundlePush, bool) {
			return webui.BundlePush{SHA256: hash, State: webui.PushTrying}, !strings.HasPrefix(hash, "00")
		},
		RollBack:   func(webui.BundleRollback) error { return nil },
		ResetTrust: func(string) error { return nil },
	}
}

// put pushes body with the header X-Minisign-Signature, "" being none.
func put(h http.Handler, body io.Reader, signature string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("PUT", "/api/v1/bundle", body)
	r.RemoteAddr = "10.0.0.1:1"
	r.Header.Set("Authorization", "Bearer ght_bundle")
	if signature != "" {
		r.Header.Set("X-Minisign-Signature", signature)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var signature = base64.StdEncoding.EncodeToString([]byte("untrusted comment: a signature\n…"))

// TestPush stores what arrives, and says where to ask what became of it.
func TestPush(t *testing.T) {
	t.Parallel()
	c := holders()
	var got, signed string
	c.Backend.Bundles.Push = func(archive io.Reader, signature []byte) (string, error) {
		data, err := io.ReadAll(archive)
		got, signed = string(data), string(signature)
		return strings.Repeat("ab", 32), err
	}
	for name, h := range map[string]http.Handler{"web": webui.NewServer(c).Handler, "control": webui.NewLocal(c)} {
		w := put(h, strings.NewReader("archive"), signature)
		location := "/api/v1/bundle/pushes/" + strings.Repeat("ab", 32)
		if w.Code != http.StatusAccepted || w.Header().Get("Location") != location ||
			w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got %d %v %s", name, w.Code, w.Header(), w.Body)
		}
		want := webui.BundlePush{SHA256: strings.Repeat("ab", 32), State: webui.PushTrying}
		var push webui.BundlePush
		if err := json.Unmarshal(w.Body.Bytes(), &push); err != nil || !cmp.Equal(want, push) {
			t.Errorf("%s: got %s, %v", name, w.Body, err)
		}
		if got != "archive" || signed != "untrusted comment: a signature\n…" {
			t.Errorf("%s: stored %q, signed by %q", name, got, signed)
		}
		if w := call(h, "GET "+location, "Bearer ght_bundle", "10.0.0.1:1"); w.Code != 200 || !strings.Contains(w.Body.String(), `"state":"trying"`) {
			t.Errorf("%s: what became of it: %d %s", name, w.Code, w.Body)
		}
	}
}

// TestPushIsPendingAtFirst: one that is stored and not looked at yet is pending.
func TestPushIsPendingAtFirst(t *testing.T) {
	t.Parallel()
	c := config()
	c.Backend.Bundles.Pushed = func(string) (webui.BundlePush, bool) { return webui.BundlePush{}, false }
	if w := put(webui.NewLocal(c), strings.NewReader("x"), signature); !strings.Contains(w.Body.String(), `"state":"pending"`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// zeros is a body of n bytes that says nothing of its length.
func zeros(n int64) io.Reader { return io.LimitReader(zeroReader{}, n) }

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// sized is a body that says of its length what it wants.
func sized(length int64) *http.Request {
	r := httptest.NewRequest("PUT", "/api/v1/bundle", strings.NewReader("x"))
	r.Header.Set("X-Minisign-Signature", signature)
	r.ContentLength = length
	return r
}

func TestPushRefuses(t *testing.T) {
	t.Parallel()
	const most = 64 << 20
	signatureOf := func(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for _, tt := range []struct {
		name      string
		body      io.Reader
		signature string
		code      int
		want      string
		read      bool // any of the body
	}{
		{"no signature", zeros(1), "", 400, "X-Minisign-Signature is missing: base64 of the .minisig file", false},
		{"no base64", zeros(1), "untrusted comment: x", 400, "is no base64", false},
		{"base64 for addresses", zeros(1), "__--", 400, "is no base64", false},
		{"a long signature", zeros(1), signatureOf(4<<10 + 3), 431, "the signature is too long: it has more than 4 KiB", false},
		{"the longest signature", zeros(1), signatureOf(4 << 10), 202, "", true},
		{"the largest archive", zeros(most), signature, 202, "", true},
		{"a larger archive", zeros(most + 1), signature, 413, "more than 64 MiB", true},
		{"nothing", zeros(0), signature, 202, "", true},
	} {
		c, read := config(), false
		c.Backend.Bundles.Push = func(archive io.Reader, _ []byte) (string, error) {
			read = true
			_, err := io.Copy(io.Discard, archive)
			if err != nil {
				err = fmt.Errorf("storing the bundle: %w", err)
			}
			return "abcd", err
		}
		w := put(webui.NewLocal(c), tt.body, tt.signature)
		if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.want) || read != tt.read {
			t.Errorf("%s: got %d %s, read %t; want %d with %q", tt.name, w.Code, w.Body, read, tt.code, tt.want)
		}
		if w.Code >= 400 && w.Header().Get("Location") != "" {
			t.Errorf("%s: there is nothing to ask for", tt.name)
		}
	}
	for length, want := range map[int64]int{most: 202, most + 1: 413, 1 << 40: 413} {
		w := httptest.NewRecorder()
		webui.NewLocal(config()).ServeHTTP(w, sized(length))
		if w.Code != want {
			t.Errorf("a body said to have %d bytes: got %d %s, want %d", length, w.Code, w.Body, want)
		}
	}
}

// TestPushCannotBeStored: what the backend says is told by its kind.
func TestPushCannotBeStored(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]int{
		fmt.Errorf("%w: no archive", webui.ErrInvalid): 400, fmt.Errorf("%w: not now", webui.ErrRefused): 409,
		errors.New("no space left on device"): 500,
	} {
		c := config()
		c.Backend.Bundles.Push = func(io.Reader, []byte) (string, error) { return "", err }
		w := put(webui.NewLocal(c), strings.NewReader("x"), signature)
		if w.Code != want || !strings.Contains(w.Body.String(), err.Error()) {
			t.Errorf("%v: got %d %s, want %d", err, w.Code, w.Body, want)
		}
	}
}

// TestPushBreaksOff: that is no fault of the gateway.
func TestPushBreaksOff(t *testing.T) {
	t.Parallel()
	body := io.MultiReader(strings.NewReader("half of it"), iotest.ErrReader(io.ErrUnexpectedEOF))
	w := put(webui.NewLocal(config()), body, signature)
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "the upload broke off") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// TestOnePushAtATime: whoever comes second is told when to come again.
func TestOnePushAtATime(t *testing.T) {
	t.Parallel()
	c := config()
	arrived, finish := make(chan struct{}), make(chan struct{})
	c.Backend.Bundles.Push = func(io.Reader, []byte) (string, error) {
		arrived <- struct{}{}
		<-finish
		return "abcd", nil
	}
	h := webui.NewLocal(c)
	first := make(chan int)
	go func() { first <- put(h, strings.NewReader("x"), signature).Code }()
	<-arrived
	second := put(h, strings.NewReader("x"), signature)
	if second.Code != http.StatusTooManyRequests || second.Header().Get("Retry-After") == "" ||
		!strings.Contains(second.Body.String(), "another bundle is being pushed") {
		t.Errorf("the second: got %d %v %s", second.Code, second.Header(), second.Body)
	}
	close(finish)
	if code := <-first; code != http.StatusAccepted {
		t.Errorf("the first: got %d", code)
	}
	go func() { <-arrived }()
	if w := put(h, strings.NewReader("x"), signature); w.Code != http.StatusAccepted {
		t.Errorf("the third: got %d", w.Code)
	}
}

func TestBundleRoutes(t *testing.T) {
	t.Parallel()
	c := config()
	var orders []webui.BundleRollback
	c.Backend.Bundles.RollBack = func(o webui.BundleRollback) error {
		orders = append(orders, o)
		switch o.To {
		case "nowhere":
			return fmt.Errorf("%w: no such version", webui.ErrNotFound)
		case "broken":
			return fmt.Errorf("%w: it does not work", webui.ErrRefused)
		}
		return nil
	}
	h := webui.NewLocal(c)
	for _, tt := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{"GET", "bundle", "", 200, `"in_force":{"name":"000042-abcdef01"`},
		{"GET", "bundle/pushes/abcd", "", 200, `{"sha256":"abcd","state":"trying"}`},
		{"GET", "bundle/pushes/00cd", "", 404, "no such bundle was pushed"},
		{"GET", "bundle/pushes/", "", 404, ""},
		{"DELETE", "bundle", "", 405, ""},
		{"POST", "bundle", "", 405, ""},
		{"POST", "bundle/rollback", `{"reason":" wrong VLANs "}`, 200, `"in_force"`},
		{"POST", "bundle/rollback", `{"to":"nowhere","reason":"x"}`, 404, "no such version"},
		{"POST", "bundle/rollback", `{"to":"broken","reason":"x"}`, 409, "it does not work"},
		{"POST", "bundle/rollback", `{}`, 400, "reason is missing"},
		{"POST", "bundle/rollback", `{"reason":"  "}`, 400, "reason is missing"},
		{"POST", "bundle/rollback", `{"reason":"x","By":"somebody else"}`, 400, "unknown field"},
		{"POST", "bundle/rollback", `{"reason":"` + strings.Repeat("x", 5<<10) + `"}`, 400, "too large"},
		{"POST", "bundle/rollback", `reason`, 400, "reading what to go back to"},
		{"POST", "bundle/rollback", ``, 400, "reading what to go back to"},
		{"GET", "bundle/rollback", "", 405, ""},
		{"POST", "bundle/trust/reset", "", 200, `"in_force"`},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tt.method, "/api/v1/"+tt.path, strings.NewReader(tt.body)))
		if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s %s %.40s: got %d %s, want %d with %s", tt.method, tt.path, tt.body, w.Code, w.Body, tt.code, tt.want)
		}
	}
	want := []webui.BundleRollback{{Reason: "wrong VLANs", By: "console"},
		{To: "nowhere", Reason: "x", By: "console"}, {To: "broken", Reason: "x", By: "console"}}
	if diff := cmp.Diff(want, orders); diff != "" {
		t.Errorf("orders (-want +got)\n%s", diff)
	}
}

// TestOrdersNameWhoGivesThem: a token by its name, the control socket as the console.
func TestOrdersNameWhoGivesThem(t *testing.T) {
	t.Parallel()
	c := holders()
	by := ""
	c.Backend.Bundles.RollBack = func(o webui.BundleRollback) error { by = o.By; return nil }
	c.Backend.Bundles.ResetTrust = func(who string) error { by = who; return nil }
	for _, tt := range []struct {
		h          http.Handler
		path, want string
	}{
		{webui.NewServer(c).Handler, "rollback", "token admin"}, {webui.NewLocal(c), "rollback", "console"},
		{webui.NewLocal(c), "trust/reset", "console"},
	} {
		r := httptest.NewRequest("POST", "/api/v1/bundle/"+tt.path, strings.NewReader(`{"reason":"x"}`))
		r.RemoteAddr = "10.0.0.1:1"
		r.Header.Set("Authorization", "Bearer ght_admin")
		by = ""
		tt.h.ServeHTTP(httptest.NewRecorder(), r)
		if by != tt.want {
			t.Errorf("%s: by %q, want %q", tt.path, by, tt.want)
		}
	}
}
