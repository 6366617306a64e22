package appliance

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/radius"
	"gatehouse/authcore/radserver"
	"gatehouse/authcore/snapshot"

	"github.com/google/go-cmp/cmp"
)

// TestRehearsalLeavesPasswordsOut copies what takes certificates, and writes nothing of what it
// copies.
func TestRehearsalLeavesPasswordsOut(t *testing.T) {
	t.Parallel()
	spare := make([]string, 1, 8) // an append in place would show
	spare[0] = "acme"
	d := &snapshot.Draft{
		Servers: []*policy.Server{
			{Name: "wifi", Method: policy.Passwordless, CAs: spare, Clients: []policy.Client{{Name: "ap"}}},
			{Name: "wired", Method: policy.PasswordMethod},
		},
		CAs: make([]*snapshot.CA, 0, 8),
	}
	user := &identity.User{Username: "x.invalid", Email: "x@x.invalid"}
	made, err := makeTrialCertificates("trial", user, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	got := withCA(d, made.ca)
	want := []*policy.Server{{Name: "wifi", Method: policy.Passwordless, CAs: []string{"acme", "trial"}}}
	if diff := cmp.Diff(want, got.Servers); diff != "" {
		t.Errorf("servers (-want +got):\n%s", diff)
	}
	if len(got.CAs) != 1 || len(d.CAs) != 0 || d.CAs[:1][0] != nil || spare[:2][1] != "" ||
		len(d.Servers[0].Clients) != 1 {
		t.Error("what was copied has been written")
	}
}

// TestAttemptsTakeTurns lists each pair of credential and version before it repeats one, and all
// of them once.
func TestAttemptsTakeTurns(t *testing.T) {
	t.Parallel()
	r := &rehearsal{
		rules: policy.Default().EAP, servers: []string{"a", "b", "c", "d", "e"},
		credentials: make([]shownCredential, 2),
	}
	list := r.attempts()
	seen, pairs := map[attempt]bool{}, map[attempt]bool{}
	for i, at := range list {
		seen[at] = true
		if i < len(r.servers) {
			pairs[attempt{"", at.credential, at.version}] = true
			if at.server != r.servers[i] {
				t.Errorf("sign-in %d is at %q, want %q", i, at.server, r.servers[i])
			}
		}
	}
	if len(list) != 20 || len(seen) != 20 || len(pairs) != 4 {
		t.Errorf("got %d sign-ins, %d different, %d pairs first; want 20, 20, 4", len(list), len(seen), len(pairs))
	}
}

// handlerFunc is a radserver.Handler.
type handlerFunc func(*radserver.Request)

func (f handlerFunc) ServeRADIUS(r *radserver.Request) { f(r) }

// TestLinkFaults has a link told nothing, and what cannot be said.
func TestLinkFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		handler  handlerFunc
		datagram func() []byte
		write    string // in the error of Write
		read     string // in that of Read
	}{
		{"no_answer", func(r *radserver.Request) { r.Drop() }, accessRequest, "", os.ErrDeadlineExceeded.Error()},
		{"too_long", func(r *radserver.Request) {
			resp := radius.NewResponse(radius.CodeAccessAccept)
			for range 20 {
				if err := resp.Add(radius.TypeReplyMessage, bytes.Repeat([]byte("x"), 253)); err != nil {
					panic(err)
				}
			}
			r.Respond(resp, 0)
		}, accessRequest, "", "longer than RADIUS allows"},
		{"no_packet", nil, func() []byte { return []byte("no packet") }, "reading the request", ""},
		{"not_signed", nil, func() []byte {
			packet := accessRequest()
			packet[len(packet)-1] ^= 1
			return packet
		}, "reading the request", ""},
	}
	for _, tt := range tests {
		l := &link{handler: tt.handler, client: &policy.Client{Secret: policy.Secret("secret")}}
		_, err := l.Write(tt.datagram())
		if tt.write != "" {
			if err == nil || !strings.Contains(err.Error(), tt.write) {
				t.Errorf("%s: Write = %v, want %q in it", tt.name, err, tt.write)
			}
			continue
		}
		_, err = l.Read(make([]byte, 4096))
		if err == nil || !strings.Contains(err.Error(), tt.read) {
			t.Errorf("%s: Read = %v, want %q in it", tt.name, err, tt.read)
		}
	}
}

// TestFindingsAreBounded tells the first of many.
func TestFindingsAreBounded(t *testing.T) {
	t.Parallel()
	var many findings
	for range maxFindings + 3 {
		many = append(many, finding{errNoSignIn, "x"})
	}
	if text := many.Error(); strings.Count(text, "x") != maxFindings || !strings.HasSuffix(text, "; and 3 more") {
		t.Errorf("got %q, want %d and how many more", text, maxFindings)
	}
	if !errors.Is(many, errNoSignIn) || errors.Is(many, errMemoryShort) {
		t.Error("the kinds of the findings are not found")
	}
}

// accessRequest is an Access-Request without anything but its Message-Authenticator.
func accessRequest() []byte {
	packet := make([]byte, 38)
	packet[0], packet[3], packet[20], packet[21] = 1, 38, 80, 18
	mac := hmac.New(md5.New, []byte("secret"))
	mac.Write(packet)
	return mac.Sum(packet[:22])
}
