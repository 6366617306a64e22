package appliance_test

import (
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/revocation"
	"gatehouse/authcore/supplicant"
)

// TestRevokedDeviceDoesNotResume lets real devices in and revokes their certificates before they
// come back, with a session to resume: it does not help them, now or later.
func TestRevokedDeviceDoesNotResume(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, phase1 string
		noTLS13      bool
		learn        func(*site) // has the gateway find out
	}{
		{"tls_1_2_purge", "tls_disable_session_ticket=0", true, purge},
		{"tls_1_3_purge", "", false, purge},
		{"tls_1_2_expiry", "tls_disable_session_ticket=0", true, expire},
		{"tls_1_3_expiry", "", false, expire},
		{"tls_1_3_refresh", "", false, refresh},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, r := newOCSPSite(t, "")
			s.start()
			leaf := s.user(lab.UserOptions{})
			st := station{leaf: leaf, noTLS13: tt.noTLS13, phase1: tt.phase1, args: []string{"-r", "3"}}
			st.port = afterAccepts(t, s.port, map[int]func(){2: func() {
				r.revoke(leaf)
				tt.learn(s)
			}})
			if ok, output := s.eapol(st); ok {
				t.Fatalf("eapol_test is satisfied with being revoked\n%s", tail(output))
			}
			full, resumed := s.decision(), s.decision()
			if full.Result != "accept" || full.Resumed || resumed.Result != "accept" || !resumed.Resumed {
				t.Fatalf("before: got %+v and %+v, want accept in full, then resumed", full, resumed)
			}
			others := 0
			for d := s.decision(); ; d = s.decision() {
				if d.Reason == "cert_revoked" {
					s.wantRevoked(d)
					break
				}
				if others++; others > 1 || d.CertSHA256 == full.CertSHA256 {
					t.Fatalf("revoked: got %+v, want cert_revoked", d)
				}
			}
			st.port, st.args = 0, nil
			s.wantRevoked(s.rejected(st, "cert_revoked"))
			s.accept(s.alice())
		})
	}
}

// TestRevokedSessionIsForgotten refuses a device that resumes once it is revoked, and from then
// on does not even know its session.
func TestRevokedSessionIsForgotten(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1.2", "1.3"} {
		t.Run("tls_"+version, func(t *testing.T) {
			t.Parallel()
			s, r := newOCSPSite(t, "")
			s.start()
			device := s.device(version)
			s.signIn(device, "accepted", false)
			s.signIn(device, "accepted", true)
			r.revoked.Revoke(lab.Revocation{Serial: device.Certificate.Leaf.SerialNumber, Reason: lab.KeyCompromise})
			purge(s)
			for _, resumed := range []bool{true, false, false} {
				if _, err := supplicant.Run(t.Context(), device); err != nil {
					t.Fatal(err)
				}
				d := s.decision()
				if s.wantRevoked(d); d.Reason != "cert_revoked" || d.Resumed != resumed {
					t.Errorf("got %+v, want cert_revoked, resumed %v", d, resumed)
				}
			}
		})
	}
}

func (s *site) wantRevoked(d decision) {
	s.t.Helper()
	if d.OCSP != "revoked" || !strings.Contains(d.Detail, "keyCompromise") {
		s.t.Errorf("got %+v, want revoked for keyCompromise", d)
	}
}

// purge is what a person does who cannot wait.
func purge(s *site) { s.forget(revocation.Purge{All: true}) }

// expire lets the last answer expire.
func expire(s *site) { s.clock.move(2 * time.Hour) }

// refresh lets three quarters of the answer's life pass, after which it is renewed ahead; the
// sign-in of somebody else makes the gateway look at the moved clock at once.
func refresh(s *site) {
	before := s.standing().Refreshes
	s.clock.move(45 * time.Minute)
	s.eapol(s.alice())
	s.eventually("refreshed", func() bool {
		now := s.standing()
		return now.Refreshes > before && now.ByStatus["revoked"] > 0
	})
}

// TestRevokedWhileOnline lists who was accepted by a certificate that turns out revoked.
func TestRevokedWhileOnline(t *testing.T) {
	t.Parallel()
	s, r := newOCSPSite(t, "")
	s.start()
	leaf := s.user(lab.UserOptions{})
	s.accept(station{leaf: leaf})
	r.revoke(leaf)
	refresh(s)
	s.decision() // of somebody else
	s.eventually("told", func() bool { return len(s.standing().Withdrawn) == 1 })
	w := s.standing().Withdrawn[0]
	if len(w.Sessions) != 1 || w.Sessions[0].User != "alice" || w.Sessions[0].Station != "02-00-00-00-00-01" ||
		w.CA != "acme" || w.Why != "keyCompromise" {
		t.Errorf("got %+v, want alice's session", w)
	}
	if !strings.Contains(s.log.String(), `"msg":"revoked while on-line"`) {
		t.Error("the log does not tell")
	}
	if text := s.scrape(); !strings.Contains(text, "gatehouse_ocsp_withdrawn_sessions_total 1\n") {
		t.Errorf("the metrics do not tell:\n%s", text)
	}
	s.rejected(station{leaf: leaf}, "cert_revoked")
}

// TestOC13HoldIsLifted lets a certificate in again that was on hold, when the CA says so.
func TestOC13HoldIsLifted(t *testing.T) {
	t.Parallel()
	s, r := newOCSPSite(t, "")
	s.start()
	leaf := s.user(lab.UserOptions{})
	r.revoked.Revoke(lab.Revocation{Serial: leaf.Serial, Reason: lab.CertificateHold})
	s.rejected(station{leaf: leaf}, "cert_revoked")
	r.revoked.Restore(leaf.Serial)
	s.rejected(station{leaf: leaf}, "cert_revoked") // it was asked a moment ago
	s.clock.move(2 * time.Minute)
	s.wantOCSP(s.accept(station{leaf: leaf}), "good", "responder")
}

// TestOC11SameSerial revokes a certificate of one CA: that of another with the same serial is as
// good as before.
func TestOC11SameSerial(t *testing.T) {
	t.Parallel()
	s, r := newOCSPSite(t, "")
	other := must(lab.NewCA(lab.CAOptions{Name: "Other CA"}))(t)
	s.write("ca/other.pem", string(other.CertificatePEM()))
	s.write("ca/other.yaml", "revocation: {allow_addresses: [127.0.0.1/32]}\n")
	s.replace("radius/wifi.yaml", "ca: [acme]", "ca: [acme, other]")
	s.start()
	serial := big.NewInt(4711)
	options := lab.Options{Serial: serial}
	bad := s.user(lab.UserOptions{Options: options})
	options.OCSP = []string{r.serve("other", other, lab.ResponderOptions{})}
	good := must(other.IssueUser(lab.UserOptions{Identity: "alice@acme.example", Options: options}))(t)
	r.revoke(bad)
	for range 2 {
		s.rejected(station{leaf: bad}, "cert_revoked")
		if d := s.accept(station{leaf: good}); d.OCSP != "good" {
			t.Errorf("got %+v, want good", d)
		}
	}
}

// TestIntermediateRevoked refuses everybody below an intermediate that was revoked.
func TestIntermediateRevoked(t *testing.T) {
	t.Parallel()
	s, r := newOCSPSite(t, "")
	root := s.ca
	issuing := func(name string) *lab.CA {
		return must(root.NewIntermediate(lab.CAOptions{Name: name, Options: lab.Options{OCSP: s.ocsp}}))(t)
	}
	fallen, standing := issuing("Fallen CA"), issuing("Standing CA")
	below := func(ca *lab.CA, route string) station {
		url := r.serve(route, ca, lab.ResponderOptions{})
		return station{leaf: must(ca.IssueUser(lab.UserOptions{
			Identity: "alice@acme.example", Options: lab.Options{OCSP: []string{url}},
		}))(t)}
	}
	s.start()
	device := below(fallen, "fallen")
	s.wantOCSP(s.accept(device), "good", "responder")
	r.revoked.Revoke(lab.Revocation{Serial: fallen.Certificate.SerialNumber, Reason: lab.CACompromise})
	s.forget(revocation.Purge{All: true})
	for _, st := range []station{device, below(fallen, "fallen")} {
		d := s.rejected(st, "cert_revoked")
		if !strings.Contains(d.Detail, "the intermediate Fallen CA: revoked") || !strings.Contains(d.Detail, "cACompromise") {
			t.Errorf("got detail %q, want the intermediate in it", d.Detail)
		}
		s.accept(below(standing, "standing"))
	}
}

// afterAccepts relays between one client and the server on port, and calls a function of hooks
// after so many accepts, before the next request passes. It returns the port to talk to.
func afterAccepts(t *testing.T, port int, hooks map[int]func()) int {
	t.Helper()
	loopback := netip.MustParseAddr("127.0.0.1")
	front := must(net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0))))(t)
	back := must(net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port)))(t)
	var running sync.WaitGroup
	t.Cleanup(func() {
		_, _ = front.Close(), back.Close()
		running.Wait()
	})
	running.Go(func() {
		buf := make([]byte, 4096)
		for accepts := 0; ; {
			size, client, err := front.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if hook := hooks[accepts]; hook != nil {
				delete(hooks, accepts)
				hook()
			}
			if _, err := back.Write(buf[:size]); err != nil {
				return
			}
			if size, err = back.Read(buf); err != nil {
				return
			}
			if size > 0 && buf[0] == 2 { // Access-Accept
				accepts++
			}
			if _, err := front.WriteToUDPAddrPort(buf[:size], client); err != nil {
				return
			}
		}
	})
	return front.LocalAddr().(*net.UDPAddr).Port
}
