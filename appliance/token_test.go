package appliance_test

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// askWeb asks the web listener for the status with a token, "" being none, and returns the code.
func (s *site) askWeb(token string) int {
	s.t.Helper()
	client := &http.Client{Transport: &http.Transport{ // the certificate is the device's own
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}
	r := must(http.NewRequestWithContext(s.t.Context(), http.MethodGet, "https://"+s.appliance.WebAddr()+"/api/v1/status", nil))(s.t)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response := must(client.Do(r))(s.t)
	_ = must(io.ReadAll(response.Body))(s.t)
	_ = response.Body.Close()
	return response.StatusCode
}

// writeToken makes token the one of admins.yaml.
func (s *site) writeToken(token string) {
	s.write("admins.yaml", fmt.Sprintf("tokens: [{name: monitor, sha256: '%x', scopes: [read]}]\n", sha256.Sum256([]byte(token))))
}

// TestTokensAreThoseInForce changes admins.yaml while the gateway runs: what counts is what is in
// force, the last good one while the file is broken, and no token at all while nothing is.
func TestTokensAreThoseInForce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.writeToken("ght_one")
	s.replace("radius/wifi.yaml", "method: passwordless", "methud: passwordless")
	s.run()
	s.eventually("reporting", func() bool { return s.appliance.Report().Errors > 0 })
	expect := func(when string, want map[string]int) {
		t.Helper()
		for token, code := range want {
			if got := s.askWeb(token); got != code {
				t.Errorf("%s, %q: got %d, want %d", when, token, got, code)
			}
		}
	}
	expect("nothing in force", map[string]int{"": 401, "ght_one": 401})
	s.replace("radius/wifi.yaml", "methud: passwordless", "method: passwordless")
	s.reload()
	expect("in force", map[string]int{"": 401, "ght_one": 200})
	s.writeToken("ght_two")
	s.reload()
	expect("changed", map[string]int{"ght_one": 401, "ght_two": 200})
	s.replace("admins.yaml", "scopes: [read]", "scopes: [everything]")
	s.reload()
	expect("broken", map[string]int{"ght_two": 200})
	s.accept(s.alice())
	if log := s.log.String(); strings.Contains(log, "ght_") {
		t.Errorf("a token is in the log:\n%s", log)
	}
}
