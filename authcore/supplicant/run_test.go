package supplicant_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"gatehouse/authcore/supplicant"

	"github.com/google/go-cmp/cmp"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc4072"
	"layeh.com/radius/vendors/microsoft"
)

func TestRunAccepts(t *testing.T) {
	pki := newTestPKI(t, false)
	tests := []struct {
		name string
		edit func(*script, *supplicant.Config)
		want string
	}{
		{"TLS 1.3", func(*script, *supplicant.Config) {}, "1.3"},
		{"TLS 1.2", func(_ *script, c *supplicant.Config) {
			c.TLSMax, c.EAPKeyName = tls.VersionTLS12, false
		}, "1.2"},
		{"TL3 tiny fragments", func(s *script, c *supplicant.Config) {
			s.fragment, c.FragmentSize = 60, 40
		}, "1.3"},
		{"EA8 other method offered first", func(s *script, _ *supplicant.Config) {
			s.beforeMethod = []supplicant.EAPPacket{{Type: 25, Data: []byte{0x20}}}
		}, "1.3"},
		{"identity and notification asked for", func(s *script, _ *supplicant.Config) {
			s.beforeMethod = []supplicant.EAPPacket{
				{Type: supplicant.EAPTypeIdentity},
				{Type: supplicant.EAPTypeNotification, Data: []byte("hello")},
			}
		}, "1.3"},
		{"RP10 proxy state comes back", func(_ *script, c *supplicant.Config) {
			c.Attributes = []supplicant.Attribute{{33, []byte("one")}, {33, []byte("two")}}
		}, "1.3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &script{pki: pki}
			cfg := s.config()
			tt.edit(s, &cfg)
			if cfg.TLSMax == tls.VersionTLS12 {
				s.editReply = func(r *radius.Packet, _ []byte) { r.Del(rfc4072.EAPKeyName_Type) }
			}
			r := run(t, s, cfg)
			if !r.OK() || r.TLSVersion != tt.want || r.Reason != "accepted" {
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestRunFindsFault has a server bend one rule at a time.
func TestRunFindsFault(t *testing.T) {
	pki := newTestPKI(t, false)
	accept := func(edit func(r *radius.Packet, msk []byte)) func(*script) {
		return func(s *script) {
			s.editReply = func(r *radius.Packet, msk []byte) {
				if r.Code == radius.CodeAccessAccept {
					edit(r, msk)
				}
			}
		}
	}
	once := func(edit func(data []byte) []byte) func(*script) {
		return func(s *script) {
			n := 0
			s.editTLS = func(data []byte) []byte {
				if n++; n != 2 { // the first is Start
					return data
				}
				return edit(data)
			}
		}
	}
	mppe := func(r *radius.Packet, recv, send []byte) {
		microsoft.MSMPPERecvKey_Del(r)
		microsoft.MSMPPESendKey_Del(r)
		if recv != nil {
			_ = microsoft.MSMPPERecvKey_Add(r, recv)
		}
		if send != nil {
			_ = microsoft.MSMPPESendKey_Add(r, send)
		}
	}
	tests := []struct {
		want string
		bend func(*script)
	}{
		{"TL-1: EAP-TLS Start with flags 0xa0", func(s *script) { s.start = []byte{0xa0, 0, 0, 0, 0} }},
		{"TL-1: EAP-TLS Start with flags 0x20 and 2 bytes", func(s *script) { s.start = []byte{0x20, 1, 2} }},
		{"TL-2: L bit on an unfragmented message", once(func(d []byte) []byte {
			n := len(d) - 1
			return append([]byte{0x80, 0, 0, byte(n >> 8), byte(n)}, d[1:]...)
		})},
		{"TL-2: first fragment without length", func(s *script) {
			s.fragment = 200
			s.editTLS = func(d []byte) []byte {
				if d[0] == 0xc0 {
					return append([]byte{0x40}, d[5:]...)
				}
				return d
			}
		}},
		{"TL-8: Access-Accept, but 2 octets in place of the commitment", func(s *script) {
			s.farewell = []byte{0, 0}
		}},
		{"TL-8: Access-Accept, but 1 octets in place of the commitment", func(s *script) {
			s.farewell = []byte{1}
		}},
		{"TL-8: Access-Accept, but no commitment", func(s *script) { s.farewell = []byte{} }},
		{"TL-8: Access-Accept, but close_notify", func(s *script) {
			s.farewell, s.goodbye = []byte{}, true
		}},
		{"TL-8: another Request after the protected success", func(s *script) {
			s.afterAll = []supplicant.EAPPacket{{Type: supplicant.EAPTypeNotification}}
		}},
		{"TL-12: MS-MPPE-Recv-Key is not the key", accept(func(r *radius.Packet, m []byte) {
			mppe(r, m[32:64], m[32:64])
		})},
		{"TL-12: MS-MPPE-Send-Key is not the key", accept(func(r *radius.Packet, m []byte) {
			mppe(r, m[:32], m[64:96])
		})},
		{"TL-12: MS-MPPE-Send-Key is not the key", accept(func(r *radius.Packet, m []byte) {
			mppe(r, m[:32], append(bytes.Clone(m[32:63]), m[63]^1))
		})},
		{"TL-12: MS-MPPE-Send-Key not in the Access-Accept", accept(
			func(r *radius.Packet, m []byte) { mppe(r, m[:32], nil) })},
		{"TL-12: MS-MPPE-Recv-Key not in the Access-Accept", accept(
			func(r *radius.Packet, m []byte) { mppe(r, nil, m[32:64]) })},
		{"TL-12: MS-MPPE-Recv-Key key of 16 bytes, not 32", accept(
			func(r *radius.Packet, m []byte) { mppe(r, m[:16], m[32:64]) })},
		{"TL-12: MS-MPPE-Recv-Key 2 of them", accept(func(r *radius.Packet, m []byte) {
			_ = microsoft.MSMPPERecvKey_Add(r, m[:32])
		})},
		{"TL-12: both MPPE keys have the same salt", accept(func(r *radius.Packet, m []byte) {
			r.Del(rfc2865.VendorSpecific_Type)
			for typ, key := range map[byte][]byte{17: m[:32], 16: m[32:64]} {
				v, _ := radius.NewTunnelPassword(key, []byte{0x80, 1}, r.Secret, r.Authenticator[:])
				vsa, _ := radius.NewVendorSpecific(311,
					append([]byte{typ, byte(2 + len(v))}, v...))
				r.Add(rfc2865.VendorSpecific_Type, vsa)
			}
		})},
		{"TL-11: EAP-Key-Name is not our Session-Id", accept(func(r *radius.Packet, m []byte) {
			r.Set(rfc4072.EAPKeyName_Type, m[:65])
		})},
		{"EA-14: EAP-Key-Name asked for, not returned", accept(func(r *radius.Packet, _ []byte) {
			r.Del(rfc4072.EAPKeyName_Type)
		})},
		{"AZ-1: VLAN attributes are incomplete", accept(func(r *radius.Packet, _ []byte) {
			r.Add(64, []byte{0, 0, 0, 13})
			r.Add(81, []byte("30"))
		})},
		{"AZ-1: VLAN attributes are incomplete", accept(func(r *radius.Packet, _ []byte) {
			r.Add(64, []byte{1, 0, 0, 13})
			r.Add(65, []byte{2, 0, 0, 6})
			r.Add(81, []byte("\x0130"))
		})},
		{"EA-4: Access-Accept carries EAP-Failure", func(s *script) {
			s.editEAP = func(eap []byte) []byte {
				if eap[0] == 3 {
					eap[0] = 4
				}
				return eap
			}
		}},
		{"EA-4: Access-Accept without EAP-Message", accept(func(r *radius.Packet, _ []byte) {
			r.Del(rfc2869.EAPMessage_Type)
		})},
		{"EA-5: EAP-Success carries Identifier", func(s *script) {
			s.editEAP = func(eap []byte) []byte {
				if eap[0] == 3 {
					eap[1]++
				}
				return eap
			}
		}},
		{"EA-5: new Request repeats Identifier 1", func(s *script) {
			s.editEAP = func(eap []byte) []byte { eap[1] = 1; return eap }
		}},
		{"EA-13: EAP packet of 1406 bytes, the link takes 1396", func(s *script) {
			s.fragment = 1396
			s.pki = fatPKI(t)
		}},
		{"MA-3: Message-Authenticator is not the first attribute of the Access-Accept", accept(
			func(r *radius.Packet, _ []byte) {
				r.Attributes = append(r.Attributes[1:], r.Attributes[0])
			})},
		{"RP-11: empty State", func(s *script) {
			s.editReply = func(r *radius.Packet, _ []byte) {
				if r.Code == radius.CodeAccessChallenge {
					r.Set(rfc2865.State_Type, nil)
				}
			}
		}},
		{"RP-11: Access-Challenge without State", func(s *script) {
			s.editReply = func(r *radius.Packet, _ []byte) { r.Del(rfc2865.State_Type) }
		}},
		{"RP-11: 2 State attributes in one Access-Challenge", func(s *script) {
			s.editReply = func(r *radius.Packet, _ []byte) {
				if r.Code == radius.CodeAccessChallenge {
					r.Add(rfc2865.State_Type, []byte("more"))
				}
			}
		}},
		{"RP-11: State in an Access-Reject", func(s *script) {
			s.refuse = true
			s.editReply = func(r *radius.Packet, _ []byte) {
				r.Set(rfc2865.State_Type, []byte("state"))
			}
		}},
		{"EA-1: EAP-Message attributes of the Access-Challenge are not contiguous", func(s *script) {
			s.editReply = func(r *radius.Packet, _ []byte) {
				for i, a := range r.Attributes[:len(r.Attributes)-1] {
					if a.Type == 79 && r.Attributes[i+1].Type == 79 {
						rest := append(radius.Attributes{{Type: 18, Attribute: []byte("x")}},
							r.Attributes[i+1:]...)
						r.Attributes = append(r.Attributes[:i+1:i+1], rest...)
						return
					}
				}
			}
		}},
		{"RP-10: Proxy-State not returned as sent: 0 sent, 1 came back", func(s *script) {
			s.editReply = func(r *radius.Packet, _ []byte) {
				r.Add(rfc2865.ProxyState_Type, []byte("stray"))
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			s := &script{pki: pki}
			tt.bend(s)
			r := run(t, s, s.config())
			if r.OK() || !hasPrefix(r.Violations, tt.want) {
				t.Errorf("ok %v, %s (%s), violations %q", r.OK(), r.Result, r.Reason, r.Violations)
			}
			if n := len(r.Violations); n > 1 && !strings.Contains(tt.want, "EA-") {
				t.Errorf("%d violations: %q", n, r.Violations)
			}
		})
	}
}

func hasPrefix(list []string, prefix string) bool {
	for _, s := range list {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

// fatPKI has a server certificate that takes two large fragments.
func fatPKI(t *testing.T) *testPKI {
	p := newTestPKI(t, false)
	c := template("radius.probe.example")
	for range 60 {
		c.DNSNames = append(c.DNSNames, strings.Repeat("x", 40)+".example")
	}
	p.server = p.issue(t, c, newECKey(t))
	p.peer.Leaf = nil
	return p
}

func TestRunRejects(t *testing.T) {
	pki, foreign := newTestPKI(t, false), newTestPKI(t, false)
	refusing := func(v uint16) *tls.Config {
		return &tls.Config{
			MaxVersion: v, ClientAuth: tls.RequestClientCert,
			VerifyConnection: func(tls.ConnectionState) error { return errors.New("no") },
		}
	}
	tests := []struct {
		name   string
		edit   func(*script, *supplicant.Config)
		reason string
		alert  string
	}{
		{"TL6 refused under TLS 1.3", func(s *script, _ *supplicant.Config) {
			s.tls = refusing(tls.VersionTLS13)
		}, "server rejected after our certificate with the alert bad_certificate", "bad_certificate"},
		{"TL6 refused under TLS 1.2", func(s *script, _ *supplicant.Config) {
			s.tls = refusing(tls.VersionTLS12)
		}, "server rejected after our certificate with the alert bad_certificate", "bad_certificate"},
		{"TL19 no certificate", func(s *script, c *supplicant.Config) {
			s.tls, c.Certificate = &tls.Config{ClientAuth: tls.RequireAnyClientCert}, nil
		}, "server rejected after we presented no certificate with the alert ", ""},
		{"possession", func(s *script, c *supplicant.Config) {
			stolen := pki.peer
			stolen.PrivateKey = foreign.peer.PrivateKey
			c.Certificate = &stolen
		}, "server rejected after our certificate with the alert decrypt_error", "decrypt_error"},
		{"TL13 old TLS only", func(s *script, c *supplicant.Config) {
			c.TLSMin, c.TLSMax = tls.VersionTLS10, tls.VersionTLS11
		}, "server rejected after our ClientHello with the alert protocol_version",
			"protocol_version"},
		{"server untrusted", func(_ *script, c *supplicant.Config) {
			c.RootCAs = foreign.roots()
		}, "we refused the server's certificate: x509: certificate signed by unknown authority", ""},
		{"server has another name", func(_ *script, c *supplicant.Config) {
			c.ServerName = "other.example"
		}, "we refused the server's certificate: x509: certificate is valid for radius.probe", ""},
		{"server certificate is a user's", func(s *script, _ *supplicant.Config) {
			swapped := *pki
			swapped.server = pki.peer
			s.pki = &swapped
		}, "we refused the server's certificate: x509: certificate specifies an incompatible", ""},
		{"no EAP-TLS", func(s *script, _ *supplicant.Config) {
			s.beforeMethod = []supplicant.EAPPacket{{Type: 21, Data: []byte{0x20}}}
			s.editEAP = func(eap []byte) []byte {
				if len(eap) == 6 && eap[4] == 13 {
					return []byte{4, eap[1], 0, 4}
				}
				return eap
			}
			s.editReply = func(r *radius.Packet, _ []byte) {
				if eap := r.Get(79); len(eap) > 0 && eap[0] == 4 {
					r.Code = radius.CodeAccessReject
					r.Del(rfc2865.State_Type)
				}
			}
		}, "server rejected after our refusal of its method", ""},
		{"after the handshake", func(s *script, _ *supplicant.Config) { s.refuse = true },
			"server rejected after the handshake", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &script{pki: pki}
			cfg := s.config()
			tt.edit(s, &cfg)
			r := run(t, s, cfg)
			if r.Result != supplicant.ResultReject || !strings.HasPrefix(r.Reason, tt.reason) {
				t.Errorf("%s: %q, want %q\n%+v", r.Result, r.Reason, tt.reason, r)
			}
			if tt.alert != "" && r.Alert != tt.alert {
				t.Errorf("alert %q, want %q", r.Alert, tt.alert)
			}
		})
	}
}

// TestRunAborts has servers that say what no peer can go on with.
func TestRunAborts(t *testing.T) {
	pki := newTestPKI(t, false)
	eap := func(edit func([]byte) []byte) func(*script) {
		return func(s *script) { s.editEAP = edit }
	}
	tests := []struct {
		name, want string
		bend       func(*script)
	}{
		{"data before Start", "EAP-TLS data before Start",
			func(s *script) { s.start = []byte{0, 1, 2} }},
		{"no flags", "no flags", func(s *script) { s.start = []byte{} }},
		{"second Start", "second EAP-TLS Start", func(s *script) {
			s.editTLS = func([]byte) []byte { return []byte{0x20} }
		}},
		{"message too large", "message of 65537 bytes", func(s *script) {
			s.editTLS = func(d []byte) []byte {
				if d[0] == 0x20 {
					return d
				}
				return []byte{0xc0, 0, 1, 0, 1, 0}
			}
		}},
		{"length lies", "declared 3", func(s *script) {
			s.editTLS = func(d []byte) []byte {
				if d[0] == 0x20 {
					return d
				}
				return append([]byte{0x80, 0, 0, 0, 3}, d...)
			}
		}},
		{"EAP length", "length says", eap(func(b []byte) []byte { return append(b, 0) })},
		{"EAP code", "code 9", eap(func(b []byte) []byte { b[0] = 9; return b })},
		{"EAP response", "EAP-Response from the server",
			eap(func(b []byte) []byte { b[0] = 2; return b })},
		{"success in a challenge", "Access-Challenge that asks nothing",
			eap(func(b []byte) []byte { return []byte{3, b[1], 0, 4} })},
		{"challenge without EAP", "Access-Challenge that asks nothing", func(s *script) {
			s.editReply = func(r *radius.Packet, _ []byte) { r.Del(79) }
		}},
		{"answer to another question", "answers an Access-Request with Accounting-Response",
			func(s *script) {
				s.editReply = func(r *radius.Packet, _ []byte) {
					r.Code = radius.CodeAccountingResponse
				}
			}},
		{"other methods for ever", "offers type 25", func(s *script) {
			for range 10 {
				s.beforeMethod = append(s.beforeMethod,
					supplicant.EAPPacket{Type: 25, Data: []byte{0x20}})
			}
		}},
		{"notifications for ever", "no verdict after 200 rounds", func(s *script) {
			s.beforeMethod = make([]supplicant.EAPPacket, 300)
			for i := range s.beforeMethod {
				s.beforeMethod[i].Type = supplicant.EAPTypeNotification
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &script{pki: pki}
			tt.bend(s)
			r := run(t, s, s.config())
			if r.Result != supplicant.ResultAborted || !strings.Contains(r.Reason, tt.want) ||
				r.OK() || len(r.Violations) == 0 {
				t.Errorf("%s: %q, violations %q; want %q", r.Result, r.Reason, r.Violations, tt.want)
			}
		})
	}
}

func TestRunWithoutCA(t *testing.T) {
	s := &script{pki: newTestPKI(t, false)}
	cfg := s.config()
	cfg.RootCAs = nil
	r := run(t, s, cfg)
	step, _ := r.Step(supplicant.StepServerCertificate)
	if !r.OK() || r.ServerCertificate.Verified || step.State != supplicant.StepNotRun ||
		!strings.Contains(step.Detail, "not verified") {
		t.Errorf("%+v, step %+v", r, step)
	}
}

// TestRunResumes shows that a session taken up again has its keys and its ladder right.
func TestRunResumes(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			pki := newTestPKI(t, false)
			serverTLS := &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert}
			serverTLS.SetSessionTicketKeys([][32]byte{{1}})
			cache := tls.NewLRUClientSessionCache(4)
			for i := range 2 {
				s := &script{pki: pki, tls: serverTLS}
				cfg := s.config()
				cfg.TLSMax, cfg.SessionCache, cfg.EAPKeyName = version, cache, false
				s.editReply = func(r *radius.Packet, _ []byte) { r.Del(rfc4072.EAPKeyName_Type) }
				r := run(t, s, cfg)
				if !r.OK() || r.Resumed != (i == 1) {
					t.Errorf("round %d: resumed %v, %+v", i, r.Resumed, r)
				}
				step, _ := r.Step(supplicant.StepOurCertificate)
				if want := "session resumed"; i == 1 && step.Detail != want {
					t.Errorf("our certificate: %q, want %q", step.Detail, want)
				}
			}
		})
	}
}

func TestReportShowsNoSecret(t *testing.T) {
	s := &script{pki: newTestPKI(t, false)}
	var msk []byte
	s.editReply = func(r *radius.Packet, m []byte) {
		if m != nil {
			msk = m
			r.Add(1, []byte("alice\x1b[31m"))
			r.Add(64, []byte{0, 0, 0, 13})
			r.Add(65, []byte{0, 0, 0, 6})
			r.Add(81, []byte("30"))
			r.Add(27, radius.NewInteger(3600))
			r.Add(200, []byte{1, 2})
		}
	}
	r := run(t, s, s.config())
	if !r.OK() || r.VLAN != "30" || r.UserName != `alice\x1b[31m` {
		t.Errorf("%+v", r)
	}
	want := []supplicant.ReplyAttribute{
		{Name: "Message-Authenticator", Value: "(16 bytes)"},
		{Name: "MS-MPPE-Recv-Key", Value: "(50 bytes)"},
		{Name: "MS-MPPE-Send-Key", Value: "(50 bytes)"},
		{Name: "EAP-Key-Name", Value: "(65 bytes)"},
		{Name: "User-Name", Value: `alice\x1b[31m`},
		{Name: "Tunnel-Type", Value: "13"},
		{Name: "Tunnel-Medium-Type", Value: "6"},
		{Name: "Tunnel-Private-Group-Id", Value: "30"},
		{Name: "Session-Timeout", Value: "3600"},
		{Name: "Attribute-200", Value: "0x0102"},
	}
	got := append(r.ReplyAttributes[:1:1], r.ReplyAttributes[2:]...) // EAP-Message apart
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := json.Marshal(r)
	if err != nil || len(msk) == 0 {
		t.Fatal(err)
	}
	if bytes.Contains(b, []byte(testSecret)) || bytes.ContainsRune(b, '\x1b') {
		t.Errorf("report tells too much: %s", b)
	}
}
