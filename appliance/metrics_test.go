package appliance_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"gatehouse/authcore/supplicant"
)

// TestUnknownClientsAndWrongSecretsAreShown sends from an address that is no client's, and with
// a secret that is not the client's: nobody is answered, and both are counted and told.
func TestUnknownClientsAndWrongSecretsAreShown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.replace("radius/wifi.yaml", "127.0.0.0/8", "127.0.0.1")
	s.start()
	for local, secret := range map[string]string{"127.0.0.9:0": sharedSecret, "127.0.0.1:0": "not the secret"} {
		_, err := supplicant.Run(t.Context(), supplicant.Config{
			Server: s.appliance.AuthAddr().String(), Secret: []byte(secret), LocalAddr: local,
			Identity: "anonymous", Timeout: 100e6, Retries: -1,
		})
		if err == nil {
			t.Errorf("from %s: got an answer, want silence", local)
		}
	}
	for _, want := range []string{
		`"reason":"client_unknown"`, `127.0.0.9`, `"reason":"message_authenticator_wrong"`,
	} {
		s.eventually("logging "+want, func() bool { return strings.Contains(s.log.String(), want) })
	}
	text := s.scrape()
	for _, want := range []string{
		`gatehouse_auth_total{result="discard",reason="client_unknown"} 1`,
		`gatehouse_auth_total{result="discard",reason="message_authenticator_wrong"} 1`,
		`gatehouse_radius_wrong_secret_total{server="wifi",client="ap1"} 1`,
		"gatehouse_generation 1",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("the metrics lack %s:\n%s", want, text)
		}
	}
}

// TestMetricsCountDecisions reads the counters after one accept.
func TestMetricsCountDecisions(t *testing.T) {
	t.Parallel()
	s := newSite(t).start()
	s.accept(s.alice())
	text := s.scrape()
	for _, want := range []string{
		`gatehouse_auth_total{result="accept",reason="accepted"} 1`,
		`gatehouse_auth_duration_seconds_count{result="accept"} 1`,
		`gatehouse_radius_responses_total{code="Access-Accept"} 1`,
		`gatehouse_conversations 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("the metrics lack %s:\n%s", want, text)
		}
	}
}

// scrape reads /metrics.
func (s *site) scrape() string {
	s.t.Helper()
	response := must(http.Get("http://" + s.appliance.MetricsAddr() + "/metrics"))(s.t)
	defer func() { _ = response.Body.Close() }()
	return string(must(io.ReadAll(response.Body))(s.t))
}
