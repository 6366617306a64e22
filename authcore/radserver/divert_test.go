package radserver_test

import (
	"net/netip"
	"testing"
	"time"

	"gatehouse/authcore/radius"
	"gatehouse/authcore/radserver"
)

// TestDivertedRequest answers requests that came over no socket.
func TestDivertedRequest(t *testing.T) {
	t.Parallel()
	var got []*radius.Response
	diverted := func() *radserver.Request {
		r := &radserver.Request{Source: netip.MustParseAddrPort("127.0.0.1:1"), Received: time.Now()}
		r.Divert(func(resp *radius.Response) { got = append(got, resp) })
		return r
	}
	first := radius.NewResponse(radius.CodeAccessAccept)
	r := diverted()
	r.Respond(first, time.Hour)
	r.Respond(radius.NewResponse(radius.CodeAccessReject), 0)
	r.Drop()
	for _, leave := range []func(*radserver.Request){
		(*radserver.Request).Drop, (*radserver.Request).Postpone,
	} {
		r := diverted()
		leave(r)
		r.Respond(first, 0)
	}
	if len(got) != 1 || got[0] != first {
		t.Errorf("got %d answers, want the first alone", len(got))
	}
	new(radserver.Request).Respond(first, 0) // nobody's
}
