package webui_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/webui"
)

// userCalled is a user in whom everything is called text.
func userCalled(text string) webui.User {
	seen := time.Date(2026, 5, 4, 11, 59, 0, 0, time.UTC)
	return webui.User{Username: text, Email: text, Aliases: []string{text}, Name: text, Groups: []string{text}, State: "active", VLAN: text, Source: text,
		Names:        []webui.UserName{{Kind: "san_email", Name: text}, {Kind: "cn", Name: text}, {Kind: text, Name: text}},
		Last:         &webui.UserSignIn{ID: 2, Time: seen, Result: "reject", Reason: "cert_expired", Server: text, Device: text},
		Certificates: []webui.UserCertificate{{SHA256: text, CA: text, Seen: seen}}}
}

func findUser(name string) (webui.User, error) {
	if name != "alice" {
		return webui.User{}, fmt.Errorf("%w: no user has the name or address %q", webui.ErrNotFound, name)
	}
	return userCalled(name), nil
}

// TestUsersPage finds one, says what is known, and has nothing to list.
func TestUsersPage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for role, mayOnboard := range map[string]bool{"viewer": false, "tech": true} {
		cookie := h.signIn(role)
		page := func(q string) (int, string) {
			w := h.do(visit{path: "/setup/users?q=" + url.QueryEscape(q), cookie: cookie})
			return w.Code, w.Body.String()
		}
		if code, text := page(""); code != http.StatusOK || strings.Contains(text, "alice") {
			t.Errorf("nobody asked for: %d %s", code, text)
		}
		code, text := page(" alice ")
		for _, want := range []string{"E-mail (alternative name)", "Common name", "rejected", "expired", "/sign-ins/2"} {
			if code != http.StatusOK || !strings.Contains(text, want) {
				t.Errorf("%s: %d, the page lacks %q", role, code, want)
			}
		}
		for _, way := range []string{"/setup/onboard?user=alice", "/sign-ins?q=alice"} {
			if strings.Contains(text, way) != mayOnboard {
				t.Errorf("%s is shown %s: want %v", role, way, mayOnboard)
			}
		}
		if code, text := page("mallory"); code != http.StatusNotFound || !strings.Contains(text, "No user has the name") {
			t.Errorf("unknown: %d %s", code, text)
		}
	}
}
