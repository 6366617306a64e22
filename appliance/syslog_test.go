package appliance_test

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"
)

// TestDecisionsAreForwarded has a collector read the decision that a real client made.
func TestDecisionsAreForwarded(t *testing.T) {
	t.Parallel()
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer l.Close()
	s := newSite(t)
	s.boot.Log.Syslog = l.Addr().String()
	s.boot.Node.ID = "oslo-1"
	s.start()
	conn := must(l.Accept())(t)
	defer conn.Close()
	s.accept(s.alice())
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	var seen strings.Builder
	for !strings.Contains(seen.String(), `reason="accepted"`) {
		b := make([]byte, 4096)
		n, err := r.Read(b)
		if err != nil {
			t.Fatalf("%v after %s", err, seen.String())
		}
		seen.Write(b[:n])
	}
	if got := seen.String(); !strings.Contains(got, " oslo-1 gatehouse ") || !strings.Contains(got, `user="alice"`) || strings.Contains(got, sharedSecret) {
		t.Errorf("forwarded: %s", got)
	}
}
