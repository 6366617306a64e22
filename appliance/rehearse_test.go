package appliance_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"gatehouse/authcore/pki/lab"
	"gatehouse/webui"
)

// TestRehearsal says what an app would be told, and hands out nothing by which anybody signs in.
func TestRehearsal(t *testing.T) {
	t.Parallel()
	s := withApp(newSite(t))
	s.write("saml/wiki/app.yaml", "name: Wiki\nactivated: true\nentity_id: https://wiki.acme.example/sp\n"+
		"acs: [https://wiki.acme.example/acs]\nname_id: email\nattributes: {groups: groups}\n")
	s.start()
	ask := func(leaf *lab.Leaf) (webui.SAMLTrial, string) {
		t.Helper()
		code, _, body := s.api("POST", "/api/v1/saml/apps/wiki/test", string(leaf.CertificatePEM()))
		var trial webui.SAMLTrial
		if err := json.Unmarshal(body, &trial); err != nil || code != http.StatusOK {
			t.Fatalf("%d %v %s", code, err, body)
		}
		return trial, string(body)
	}
	got, text := ask(s.user(lab.UserOptions{}))
	if a := got.Assertion; !got.Accepted || got.User != "alice" || a == nil || a.NameID != "alice@acme.example" ||
		a.Audience != "https://wiki.acme.example/sp" || a.Recipient != "https://wiki.acme.example/acs" ||
		len(a.Signatures) != 2 || !a.Signatures[0].Valid || !a.Signatures[1].Valid {
		t.Errorf("got %+v", got)
	}
	for _, part := range []string{"SignatureValue", "SAMLResponse", "<", "PHNhbWxw"} {
		if strings.Contains(text, part) {
			t.Errorf("%q is handed out: %s", part, text)
		}
	}
	if got, _ := ask(s.user(lab.UserOptions{Identity: "nobody@acme.example"})); got.Accepted || got.Reason != "user_unknown" || got.Assertion != nil {
		t.Errorf("nobody: %+v", got)
	}
	for _, tt := range []struct {
		app, body string
		want      int
	}{{"wiki", "none", 400}, {"none", "none", 404}} {
		if code, _, body := s.api("POST", "/api/v1/saml/apps/"+tt.app+"/test", tt.body); code != tt.want {
			t.Errorf("%+v: got %d %s", tt, code, body)
		}
	}
	if all := s.log.decisions(); len(all) != 0 {
		t.Errorf("a test is logged as a sign-in: %+v", all)
	}
	s.write("saml/wiki/app.yaml", "name: Wiki\nactivated: false\nentity_id: https://wiki.acme.example/sp\nacs: [https://wiki.acme.example/acs]\n")
	s.reload()
	if code, _, body := s.api("POST", "/api/v1/saml/apps/wiki/test", string(s.user(lab.UserOptions{}).CertificatePEM())); code != 409 {
		t.Errorf("an app that is off: got %d %s", code, body)
	}
}
