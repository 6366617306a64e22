package appliance_test

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/supplicant"
)

// TestServersToldApart has two RADIUS servers for the same access points, each with a CA of its
// own: the SSID or the NAS-Identifier says which of them is asked, and the CA of one opens
// nothing at the other.
func TestServersToldApart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	guests := must(lab.NewCA(lab.CAOptions{Name: "Guest CA"}))(t)
	s.write("ca/guests.pem", string(guests.CertificatePEM()))
	s.write("users/guests.yaml", "- {username: gus, email: gus@guest.example}\n")
	s.replace("radius/wifi.yaml", "authentication:", "match: {ssid: [corp]}\nauthentication:")
	for name, nas := range map[string]string{"guest": "floor1", "lobby": "lobby-switch"} {
		s.write("radius/"+name+".yaml", fmt.Sprintf(`match: {ssid: [guest], nas_identifier: [%s]}
authentication: {method: passwordless, ca: [guests]}
clients: [{name: ap-%s, address: 127.0.0.0/8, secret: %q}]
`, nas, name, sharedSecret))
	}
	s.start()
	alice := s.alice()
	gus := station{leaf: must(guests.IssueUser(lab.UserOptions{Identity: "gus@guest.example"}))(t)}
	at := func(st station, args ...string) station {
		st.args = args
		return st
	}
	const corp, guest = "-N30:s:02-00-00-00-00-09:corp", "-N30:s:02-00-00-00-00-09:guest"
	const floor1, lobby = "-N32:s:floor1", "-N32:s:lobby-switch"
	for _, tt := range []struct {
		name                         string
		station                      station
		result, reason, server, user string
	}{
		{"ssid", at(alice, corp), "accept", "accepted", "wifi", "alice"},
		{"other_ssid", at(gus, guest, floor1), "accept", "accepted", "guest", "gus"},
		{"nas_identifier", at(gus, guest, lobby), "accept", "accepted", "lobby", "gus"},
		{"ca_of_the_other_server", at(alice, guest, lobby), "reject", "cert_unknown_ca", "lobby", ""},
		{"ca_of_the_other_server_too", at(gus, corp), "reject", "cert_unknown_ca", "wifi", ""},
	} {
		ok, output := s.eapol(tt.station)
		d := s.decision()
		if ok != (tt.result == "accept") || d.Result != tt.result || d.Reason != tt.reason ||
			d.Server != tt.server || d.User != tt.user {
			t.Errorf("%s: eapol_test ok %v, decision %+v, want %+v\n%s", tt.name, ok, d, tt, tail(output))
		}
	}
	s.silentAt(at(alice, "-N30:s:02-00-00-00-00-09:elsewhere"), `matches SSID \"elsewhere\"`)
}

// silentAt demands that nobody answers st, and that the log says why.
func (s *site) silentAt(st station, why string) {
	s.t.Helper()
	st.shortWait = true
	if ok, output := s.eapol(st); ok {
		s.t.Fatalf("eapol_test was answered, want silence\n%s", tail(output))
	}
	s.eventually("told why", func() bool { return strings.Contains(s.log.String(), why) })
}

// TestBothFamilies serves IPv4 and IPv6 on one port, each client by its own address.
func TestBothFamilies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.boot.Listen.Auth = "[::]:0"
	s.start()
	for _, host := range []string{"127.0.0.1", "::1"} {
		st := s.alice()
		st.args = []string{"-a", host} // the last one counts
		s.accept(st)
	}
	certificate := s.user(lab.UserOptions{}).TLS()
	for host, client := range map[string]string{"[::1]": "ap6", "127.0.0.7": "ap1"} {
		report, err := supplicant.Run(t.Context(), supplicant.Config{
			Server: fmt.Sprintf("%s:%d", host, s.port), Secret: []byte(sharedSecret),
			Identity: "anonymous", Certificate: &certificate, EAPKeyName: true,
		})
		if err != nil || !report.OK() {
			t.Fatalf("%s: got %+v, %v, want accept with right keys", host, report, err)
		}
		if d := s.decision(); d.Result != "accept" || d.Client != client {
			t.Errorf("%s: got %+v, want accept of client %s", host, d, client)
		}
	}
}

// TestSS1RadclientStatusServer asks a running appliance how it is, with the right secret and
// with a wrong one. It is no sign-in: nothing is decided.
func TestSS1RadclientStatusServer(t *testing.T) {
	t.Parallel()
	s := newSite(t).start()
	const status = "Message-Authenticator = 0x00"
	if out := s.radclient("status", sharedSecret, status); !strings.Contains(out, "Received Access-Accept") {
		t.Errorf("Status-Server: %s", out)
	}
	if out := s.radclient("status", "wrong", status); !strings.Contains(out, "No reply") {
		t.Errorf("Status-Server with a wrong secret: %s", out)
	}
	if d := s.log.decisions(); len(d) != 0 {
		t.Errorf("got decisions %+v, want none", d)
	}
	if text := s.scrape(); !strings.Contains(text, "gatehouse_radius_status_server_total 1\n") ||
		!strings.Contains(text, "gatehouse_radius_requests_total 0\n") {
		t.Errorf("Status-Server is not counted apart:\n%s", text)
	}
	s.accept(s.alice())
}

// TestMA8RadclientPasswordIsRefused sends passwords in the clear and as CHAP, which no client
// entry can allow yet: refused with Message-Authenticator where one was sent, silence without.
func TestMA8RadclientPasswordIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t).start()
	const signed = ", Message-Authenticator = 0x00"
	for name, password := range map[string]string{
		"pap": "User-Password = open-sesame", "chap": "CHAP-Password = open-sesame",
	} {
		out := s.radclient("auth", sharedSecret, "User-Name = alice, "+password+signed)
		if !strings.Contains(out, "Received Access-Reject") || !strings.Contains(out, "Message-Authenticator") {
			t.Errorf("%s: %s", name, out)
		}
		if d := s.decision(); d.Result != "reject" || d.Reason != "password_not_allowed" {
			t.Errorf("%s: got %+v, want password_not_allowed", name, d)
		}
	}
	out := s.radclient("auth", sharedSecret, "User-Name = alice, User-Password = open-sesame")
	if !strings.Contains(out, "No reply") {
		t.Errorf("PAP without Message-Authenticator: %s", out)
	}
	s.eventually("telling why", func() bool {
		return strings.Contains(s.log.String(), `"reason":"message_authenticator_missing"`)
	})
	if strings.Contains(s.log.String(), "open-sesame") {
		t.Error("the log holds the password")
	}
	s.accept(s.alice())
}

// radclient sends one request, once, and returns what it printed; how it ended says little.
func (s *site) radclient(command, secret, attributes string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), peerProgram(s.t, "radclient"), "-x", "-r", "1", "-t", "2",
		"127.0.0.1:"+strconv.Itoa(s.port), command, secret)
	cmd.Stdin = strings.NewReader(attributes + "\n")
	out, _ := cmd.CombinedOutput()
	return string(out)
}
