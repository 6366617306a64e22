package webui_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/saml"
	"gatehouse/authcore/saml/pair"
	"gatehouse/webui"
)

// parts makes a form as a browser sends one with files: those whose name begins with @ are files.
func parts(t *testing.T, path, cookie string, fields map[string]string) visit {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, value := range fields {
		field, isFile := strings.CutPrefix(name, "@")
		part, err := w.CreateFormField(field)
		if isFile {
			part, err = w.CreateFormFile(field, "some.pem")
		}
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write([]byte(value)) // to memory
	}
	_ = w.Close() // likewise
	return visit{method: "POST", path: path, cookie: cookie, body: b.String(),
		header: http.Header{"Content-Type": {w.FormDataContentType()}}}
}

// wiki is an app with these pairs.
func wiki(slots ...pair.SlotStatus) webui.SAMLApp {
	return webui.SAMLApp{Name: "wiki", Label: "Wiki", Signs: "aa", Pairs: pair.Status{Pairs: slots},
		Can: map[string]string{"regenerate_compromised": ""}}
}

func slot(role pair.Role, sum string) pair.SlotStatus {
	return pair.SlotStatus{Role: role, Facts: &pair.Facts{SHA256: sum}}
}

// TestPairIsUploaded in halves or whole, is offered for download, and its key is never shown.
func TestPairIsUploaded(t *testing.T) {
	t.Parallel()
	var got []webui.SAMLChange
	var refuse error
	h := newHouse(t, func(c *webui.Config) {
		c.Backend.SAML.Apps = func() []webui.SAMLApp { return []webui.SAMLApp{wiki(slot(pair.Active, "aa"))} }
		c.Backend.SAML.Change = func(_ string, change webui.SAMLChange) (webui.SAMLApp, error) {
			got = append(got, change)
			return wiki(slot(pair.Active, "aa"), slot(pair.Next, "bb")), refuse
		}
	})
	cookie := h.signIn("admin")
	for name, tt := range map[string]struct {
		fields           map[string]string
		certificate, key string
	}{
		"both_files":  {map[string]string{"@certificate": "CERT", "@key": "KEY"}, "CERT", "KEY"},
		"both_texts":  {map[string]string{"certificate_text": "CERT", "key_text": "KEY"}, "CERT\n", "KEY\n"},
		"certificate": {map[string]string{"@certificate": "CERT", "@key": "", "key_text": " "}, "CERT", ""},
		"key":         {map[string]string{"key_text": "KEY"}, "", "KEY\n"},
	} {
		got = nil
		w := h.do(parts(t, "/setup/saml/wiki/pair", cookie, tt.fields))
		if len(got) != 1 || got[0].Action != pair.ActionUpload || got[0].Certificate != tt.certificate || got[0].Key != tt.key {
			t.Errorf("%s: got %+v", name, got)
		}
		if to := w.Header().Get("Location"); w.Code != 303 || to != "/setup/saml/wiki?saved=next" {
			t.Errorf("%s: got %d to %q", name, w.Code, to)
		}
	}
	refuse = fmt.Errorf("%w: the key does not belong to the certificate", webui.ErrInvalid)
	w := h.do(parts(t, "/setup/saml/wiki/pair", cookie, map[string]string{"key_text": "MIIEvQIBADANBgkq"}))
	if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "does not belong") || strings.Contains(w.Body.String(), "MIIEvQIBADANBgkq") {
		t.Errorf("refused: got %d %s", w.Code, w.Body)
	}
	got = nil
	if w := h.do(parts(t, "/setup/saml/wiki/pair", cookie, map[string]string{"key_text": ""})); w.Code != 400 || len(got) > 0 {
		t.Errorf("nothing: got %d, %+v", w.Code, got)
	}
	if w := h.do(parts(t, "/setup/saml/none/pair", cookie, map[string]string{"key_text": "KEY"})); w.Code != 404 || len(got) > 0 {
		t.Errorf("no such app: got %d, %+v", w.Code, got)
	}
}

// TestSavedPairIsOffered at once, and only one that is there.
func TestSavedPairIsOffered(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *webui.Config) {
		c.Backend.SAML.Apps = func() []webui.SAMLApp { return []webui.SAMLApp{wiki(slot(pair.Active, "aa"))} }
	})
	for query, want := range map[string]bool{"?saved=active": true, "?saved=next": false, "": false, "?saved=%22%3E%3Cscript%3E": false} {
		page := h.do(visit{path: "/setup/saml/wiki" + query, cookie: h.signIn("admin")}).Body.String()
		if got := strings.Contains(page, "Download the active certificate"); got != want {
			t.Errorf("%q: offered %v, want %v", query, got, want)
		}
		checkHarmless(t, query, page)
	}
}

// TestCompromisedPair is replaced at once, when it was confirmed.
func TestCompromisedPair(t *testing.T) {
	t.Parallel()
	var got []webui.SAMLChange
	h := newHouse(t, func(c *webui.Config) {
		c.Backend.SAML.Apps = func() []webui.SAMLApp { return []webui.SAMLApp{wiki(slot(pair.Active, "aa"))} }
		c.Backend.SAML.Change = func(_ string, change webui.SAMLChange) (webui.SAMLApp, error) {
			if got = append(got, change); !change.Confirm {
				return webui.SAMLApp{}, fmt.Errorf("%w: nobody can sign in until it is handed over", webui.ErrRefused)
			}
			return wiki(slot(pair.Active, "cc")), nil
		}
	})
	cookie, path := h.signIn("admin"), "/setup/saml/wiki/do/regenerate-compromised"
	w := h.do(visit{method: "POST", path: path, cookie: cookie})
	if w.Code != 200 || !strings.Contains(w.Body.String(), "Nobody can sign in until") || !strings.Contains(w.Body.String(), `action="`+path+`"`) {
		t.Errorf("unconfirmed: got %d %s", w.Code, w.Body)
	}
	w = h.do(visit{method: "POST", path: path, cookie: cookie, form: map[string][]string{"confirm": {"yes"}}})
	if to := w.Header().Get("Location"); w.Code != 303 || to != "/setup/saml/wiki?saved=active" {
		t.Errorf("confirmed: got %d to %q", w.Code, to)
	}
	if len(got) != 2 || got[0].Action != pair.ActionCompromised || got[1].Action != pair.ActionCompromised {
		t.Errorf("got %+v", got)
	}
}

// TestRehearsalPage shows what an app would be told; a key that comes along goes nowhere, and text
// from strangers is harmless.
func TestRehearsalPage(t *testing.T) {
	t.Parallel()
	text := hostile[0] + hostile[2] + hostile[4]
	var got string
	h := newHouse(t, func(c *webui.Config) {
		c.Backend.SAML.Rehearse = func(_ string, certificate []byte) (webui.SAMLTrial, error) {
			if got = string(certificate); strings.Contains(got, "refuse") {
				return webui.SAMLTrial{Reason: audit.UserUnknown, Sentence: text, NextStep: "Ask " + text, Ladder: audit.CertificateLadder()}, nil
			}
			return webui.SAMLTrial{Accepted: true, User: "alice", Detail: text, Problem: text, Assertion: &saml.Rehearsal{Issuer: text,
				Audience: text, Recipient: text, NameID: "alice@acme.example" + text, NameIDFormat: text, NotBefore: time.Unix(1, 0),
				Attributes: []saml.RehearsedAttribute{{Name: text, Values: []string{"staff", text}}},
				Signatures: []saml.RehearsedSignature{{Of: "response", Valid: true, SHA256: "abcdef0123"}, {Of: "assertion", SHA256: text}}}}, nil
		}
	})
	cookie := h.signIn("tech")
	const secret, certificate = "MIIEvQIBADANBgkq", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
	w := h.do(parts(t, "/setup/saml/wiki/test", cookie, map[string]string{"text": certificate + "-----BEGIN PRIVATE KEY-----\n" + secret}))
	page := w.Body.String()
	for _, want := range []string{"Would be signed in as alice", "alice@acme.example", "staff, ", "verifies", "does not verify", "abcdef01", "nothing was sent"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if checkHarmless(t, "accepted", page); w.Code != 200 || got != certificate || strings.Contains(page, secret) {
		t.Errorf("got %d, the backend %q", w.Code, got)
	}
	page = h.do(parts(t, "/setup/saml/wiki/test", cookie, map[string]string{"@file": "refuse"})).Body.String()
	if checkHarmless(t, "refused", page); !strings.Contains(page, "Would be refused") || !strings.Contains(page, "Ask ") {
		t.Errorf("refused: %s", page)
	}
	if w := h.do(parts(t, "/setup/saml/wiki/test", cookie, map[string]string{"text": ""})); w.Code != 400 {
		t.Errorf("nothing: got %d", w.Code)
	}
}

// TestCleanCopies: what was pasted with damage can be taken away in three shapes.
func TestCleanCopies(t *testing.T) {
	t.Parallel()
	key := quickCertificate(t)
	damaged := "\u201c" + strings.ReplaceAll(string(key), "\n", "\r\n  ") + "\u201d"
	h := newHouse(t)
	page := h.do(parts(t, "/setup/saml/wiki/compare", h.signIn("tech"), map[string]string{"text": damaged})).Body.String()
	for _, want := range []string{"The same certificate, clean", `<pre id="copy-pem"`, "-----BEGIN CERTIFICATE-----", `<pre id="copy-line"`,
		`<pre id="copy-xml"`, "&lt;md:KeyDescriptor", `data-copy="copy-line"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if err := wellFormed(page); err != nil {
		t.Error(err)
	}
}
