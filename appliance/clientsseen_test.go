package appliance_test

import (
	"testing"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/supplicant"
	"gatehouse/webui"
)

// TestAccessPointIsWaitedFor walks through what a person sees who sets one up: an address that is
// no client's, a wrong secret, a device that is turned away, and one that gets in.
func TestAccessPointIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.replace("radius/wifi.yaml", "127.0.0.0/8", "127.0.0.1")
	s.start()
	seen := func() (ap webui.ClientSeen, all webui.ClientsSeen) {
		t.Helper()
		if code, text := s.asking("GET", "/api/v1/clients/seen", nil, &all); code != 200 {
			t.Fatalf("got %d %s", code, text)
		}
		for _, c := range all.Clients {
			if c.Client == "ap1" {
				ap = c
			}
		}
		return ap, all
	}
	if ap, all := seen(); ap.State != webui.ClientSilent || len(all.Clients) != 2 || len(all.Unknown) != 0 {
		t.Errorf("at first: %+v", all)
	}
	stray := supplicant.Config{Server: s.appliance.AuthAddr().String(), Secret: []byte(sharedSecret), LocalAddr: "127.0.0.9:0",
		Identity: "anonymous", Timeout: 100e6, Retries: -1}
	_, _ = supplicant.Run(t.Context(), stray) // nobody answers
	s.eventually("hearing an unknown address", func() bool {
		ap, all := seen()
		return ap.State == webui.ClientSilent && len(all.Unknown) == 1 && all.Unknown[0].Address.String() == "127.0.0.9"
	})
	stray.LocalAddr, stray.Secret = "127.0.0.1:0", []byte("not the secret")
	_, _ = supplicant.Run(t.Context(), stray) // likewise
	s.eventually("hearing a wrong secret", func() bool {
		ap, _ := seen()
		return ap.State == webui.ClientWrongSecret && ap.WrongSecrets == 1 && ap.Packets == 0 && ap.Address.String() == "127.0.0.1"
	})
	s.signIn(s.deviceOf(s.user(lab.UserOptions{Identity: "nobody@acme.example"}), 1), "user_unknown", false)
	if ap, _ := seen(); ap.State != webui.ClientRejected || ap.Reason != "user_unknown" || ap.Packets == 0 {
		t.Errorf("after a reject: %+v", ap)
	}
	s.signIn(s.deviceOf(s.user(lab.UserOptions{}), 2), "accepted", false)
	if ap, _ := seen(); ap.State != webui.ClientAccepted || ap.User != "alice" || ap.Station == "" || ap.Decision == 0 {
		t.Errorf("after an accept: %+v", ap)
	}
	var one webui.ClientsSeen
	for address, want := range map[string]int{"127.0.0.1": 1, "127.0.0.9": 0} {
		if code, text := s.asking("GET", "/api/v1/clients/seen?address="+address, nil, &one); code != 200 || len(one.Clients) != want ||
			want > 0 && (one.Clients[0].State != webui.ClientAccepted || one.Clients[0].Configured != address || one.LastDecision != one.Clients[0].Decision) {
			t.Errorf("%s: got %d %s", address, code, text)
		}
	}
}
