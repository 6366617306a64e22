package supplicant_test

import (
	"bufio"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/supplicant"

	"layeh.com/radius"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/vendors/microsoft"
)

// opensslServer is EAP-TLS 1.2 over `openssl s_server`, which resumes by ticket, does without
// Extended Master Secret when told to, and exports the keys by its own path.
type opensslServer struct {
	addr string

	lines chan string // what s_server prints; closed at its end

	mu    sync.Mutex // guards what follows
	conn  net.Conn
	in    *bufio.Reader
	ended bool // the server's Finished was read
}

func startOpenSSL(t *testing.T, pki *testPKI, conf string) *opensslServer {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is not installed, and CI=true")
		}
		t.Skip("openssl is not installed")
	}
	dir := t.TempDir()
	pki.write(t, dir)
	cnf := filepath.Join(dir, "openssl.cnf")
	if err := os.WriteFile(cnf, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &opensslServer{addr: fmt.Sprintf("127.0.0.1:%d", freeTCPPort(t))}
	cmd := exec.Command(path, "s_server", "-accept", s.addr, "-tls1_2", "-Verify", "2",
		"-CAfile", filepath.Join(dir, "ca.pem"), "-cert", filepath.Join(dir, "server.pem"),
		"-key", filepath.Join(dir, "server.key"),
		"-keymatexport", "client EAP encryption", "-keymatexportlen", "128")
	cmd.Env = append(os.Environ(), "OPENSSL_CONF="+cnf)
	stdin, err := cmd.StdinPipe() // s_server ends with its input
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _, _ = stdin.Close(), cmd.Process.Kill(), cmd.Wait() })
	s.lines = make(chan string, 1000) // more than any of the tests makes it print
	go func() {
		defer close(s.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			s.lines <- strings.TrimSpace(lines.Text())
		}
	}()
	if _, err := s.until("ACCEPT"); err != nil {
		t.Fatal(err)
	}
	return s
}

// until returns what stands behind prefix in the next line that has it.
func (s *opensslServer) until(prefix string) (string, error) {
	var others []string
	timeout := time.After(10 * time.Second)
	for {
		select {
		case line, ok := <-s.lines:
			if rest, found := strings.CutPrefix(line, prefix); found {
				return strings.TrimSpace(rest), nil
			}
			if !ok {
				return "", fmt.Errorf("openssl ended without a line with %q: %q", prefix, others)
			}
			others = append(others, line)
		case <-timeout:
			return "", fmt.Errorf("openssl printed no line with %q: %q", prefix, others)
		}
	}
}

func freeTCPPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// flight hands over the peer's message and returns the server's whole answer: it ends with
// ServerHelloDone or with the record behind ChangeCipherSpec.
func (s *opensslServer) flight(message []byte) ([]byte, error) {
	if _, err := s.conn.Write(message); err != nil || s.ended {
		return nil, err
	}
	var out []byte
	changed := false // the record before was ChangeCipherSpec
	for last := false; !last; {
		head, err := s.in.Peek(5)
		if err != nil {
			return nil, err
		}
		record := make([]byte, 5+int(head[3])<<8+int(head[4]))
		if _, err := io.ReadFull(s.in, record); err != nil {
			return nil, err
		}
		s.ended = record[0] == 22 && changed
		changed = record[0] == 20
		done := []byte{14, 0, 0, 0}
		last = s.ended || record[0] == 22 && strings.HasSuffix(string(record), string(done))
		out = append(out, record...)
	}
	return out, nil
}

// authenticate carries a peer through one conversation, and answers with s_server's keys.
func (s *opensslServer) authenticate(t *testing.T, cfg supplicant.Config) *supplicant.Report {
	t.Helper()
	conn, err := net.DialTimeout("tcp", s.addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	s.mu.Lock()
	s.conn, s.in, s.ended = conn, bufio.NewReader(conn), false
	s.mu.Unlock()
	cfg.Server = serveUDP(t, func(raw []byte) [][]byte {
		reply, err := s.answer(raw)
		if err != nil {
			t.Error(err)
			return nil
		}
		return [][]byte{reply}
	})
	r, err := supplicant.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *opensslServer) answer(raw []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	req, err := radius.Parse(raw, []byte(testSecret))
	if err != nil {
		return nil, err
	}
	eap, err := supplicant.ParseEAP(rfc2869.EAPMessage_Get(req))
	if err != nil {
		return nil, err
	}
	ask := supplicant.EAPPacket{
		Code: supplicant.EAPRequest, Identifier: eap.Identifier + 1,
		Type: supplicant.EAPTypeTLS, Data: []byte{0x20},
	}
	code := radius.CodeAccessChallenge
	if eap.Type == supplicant.EAPTypeTLS {
		flight, err := []byte(nil), error(nil)
		if len(eap.Data) > 1 {
			if flight, err = s.flight(eap.Data[1:]); err != nil {
				return nil, err
			}
		}
		if ask.Data = append([]byte{0}, flight...); len(flight) == 0 {
			code = radius.CodeAccessAccept
			ask = supplicant.EAPPacket{Code: supplicant.EAPSuccess, Identifier: eap.Identifier}
		}
	}
	reply := req.Response(code)
	reply.Add(rfc2869.MessageAuthenticator_Type, make([]byte, 16))
	addEAP(reply, ask.Marshal())
	if code == radius.CodeAccessChallenge {
		reply.Add(24, make([]byte, 16))
		return signReply(reply), nil
	}
	line, err := s.until("Keying material:")
	if err != nil {
		return nil, err
	}
	msk, err := hex.DecodeString(line)
	if err != nil {
		return nil, err
	}
	_ = microsoft.MSMPPERecvKey_Add(reply, msk[:32])
	_ = microsoft.MSMPPESendKey_Add(reply, msk[32:64])
	return signReply(reply), nil
}

// TestTL9OpenSSLResumesTickets shows that the keys of a TLS 1.2 session that is taken up again
// are right, above all where only the remembered master secret can give them.
func TestTL9OpenSSLResumesTickets(t *testing.T) {
	tests := []struct {
		name, conf string
		suite      uint16
	}{
		{"extended master secret", "", tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384},
		{"without, SHA-256", noEMS, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		{"without, SHA-384", noEMS, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pki := newTestPKI(t, false)
			s := startOpenSSL(t, pki, tt.conf)
			cfg := (&script{pki: pki}).config()
			cfg.EAPKeyName, cfg.CipherSuites = false, []uint16{tt.suite}
			cfg.FragmentSize, cfg.FramedMTU = 3500, 4000 // one packet a flight
			cfg.SessionCache = tls.NewLRUClientSessionCache(1)
			for i := range 3 {
				r := s.authenticate(t, cfg)
				if !r.OK() || r.Resumed != (i > 0) || r.TLSVersion != "1.2" ||
					r.ExtendedMasterSecret != (tt.conf == "") {
					t.Errorf("authentication %d: %+v", i, r)
				}
			}
		})
	}
}
