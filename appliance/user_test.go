package appliance_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/webui"
)

// TestUserIsRemembered looks a user up before and after a sign-in: by which names certificates
// may name him is known at once, the sign-in and its certificate afterwards.
func TestUserIsRemembered(t *testing.T) {
	t.Parallel()
	s := newSite(t).start()
	find := func(name string) (u webui.User, status int) {
		status, _, body := s.api("GET", "/api/v1/users?name="+name, "")
		if err := json.Unmarshal(body, &u); err != nil && status == http.StatusOK {
			t.Fatalf("%v: %s", err, body)
		}
		return u, status
	}
	before, _ := find("alice@acme.example")
	want := []webui.UserName{{Kind: "san_email", Name: "alice@acme.example"}, {Kind: "san_upn", Name: "alice@acme.example"},
		{Kind: "dn_email", Name: "alice@acme.example"}, {Kind: "cn", Name: "alice"}}
	if diff := cmp.Diff(want, before.Names); diff != "" || before.Last != nil || len(before.Certificates) != 0 {
		t.Errorf("before: %+v\nnames (-want +got)\n%s", before, diff)
	}
	s.signIn(s.device("1.3"), "accepted", false)
	s.eventually("the sign-in is remembered", func() bool { u, _ := find("alice"); return u.Last != nil })
	after, _ := find("alice")
	if after.Last.Result != "accept" || len(after.Certificates) != 1 || after.Certificates[0].CA != "acme" || len(after.Certificates[0].SHA256) != 64 {
		t.Errorf("after: %+v, %+v", after.Last, after.Certificates)
	}
	if _, status := find("nobody"); status != http.StatusNotFound {
		t.Errorf("nobody: %d", status)
	}
}
