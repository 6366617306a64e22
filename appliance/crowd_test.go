package appliance_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// TestCrowdOnTheWebListener opens more connections than there is room for, speaking nothing or
// nonsense: those beyond the limit are closed, none leaves a line above debug, RADIUS goes on,
// and there is room again once they are gone.
func TestCrowdOnTheWebListener(t *testing.T) {
	t.Parallel()
	s := newSite(t).start()
	var crowd []net.Conn
	for range 100 {
		conn := must(net.Dial("tcp", s.appliance.WebAddr()))(t)
		t.Cleanup(func() { _ = conn.Close() })
		crowd = append(crowd, conn)
	}
	var closed atomic.Int64
	for _, conn := range crowd {
		go func() { // whoever was let in waits for 10 s: the server, for a ClientHello
			_, _ = conn.Read(make([]byte, 1))
			closed.Add(1)
		}()
	}
	s.eventually("turning 36 of 100 away", func() bool { return closed.Load() >= 36 })
	s.accept(s.alice())
	if n := closed.Load(); n != 36 {
		t.Errorf("%d of 100 connections were closed, want 36", n)
	}
	for _, conn := range crowd {
		_, _ = conn.Write([]byte("GET / HTTP/1.0\r\n\r\n")) // some are closed
		_ = conn.Close()
	}
	web := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}
	s.eventually("answering again", func() bool {
		response, err := web.Get("https://" + s.appliance.WebAddr() + "/livez")
		if err != nil {
			return false
		}
		return response.Body.Close() == nil
	})
	s.eventually("telling at debug", func() bool { return strings.Contains(s.log.String(), "TLS handshake error") })
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, "TLS handshake error") && !strings.Contains(line, `"level":"DEBUG"`) {
			t.Errorf("a stranger's handshake is told aloud: %s", line)
		}
	}
}
