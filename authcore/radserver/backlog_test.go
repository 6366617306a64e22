package radserver_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/authcore/radius"
	"gatehouse/authcore/radserver"

	"github.com/google/go-cmp/cmp"
)

// state makes a request one within a conversation.
var state = attr{radius.TypeState, "sixteen octets.."}

// numbered returns a request that tells its number, from 0 to 65535.
func numbered(n int, more ...attr) []byte {
	number := attr{radius.TypeNASPort, string(binary.BigEndian.AppendUint32(nil, uint32(n)))}
	return request{id: byte(n), attrs: append([]attr{eap, number}, more...)}.bytes()
}

func numberOf(r *radserver.Request) int {
	v, _ := r.Packet.Attributes.Get(radius.TypeNASPort)
	return int(binary.BigEndian.Uint32(v))
}

// piled returns count requests numbered from first on, as 256 fit one source port.
func (b *bubble) piled(first, count int, more ...attr) {
	for n := first; n < first+count; n++ {
		b.pipe.Pile(source(n>>8), numbered(n, more...))
	}
}

// serving notes the numbers of the requests in the order of being served, and takes so long
// for the first one.
func serving(order *[]int, took time.Duration) handlerFunc {
	return func(r *radserver.Request) {
		if len(*order) == 0 {
			time.Sleep(took)
		}
		*order = append(*order, numberOf(r))
		r.Respond(accept(), 0)
	}
}

// What is under way goes first, each kind in the order of coming.
func TestBacklogServesOngoingFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var order []int
		b := newBubble(t, radserver.Config{Handler: serving(&order, 0)})
		defer b.stop()
		b.piled(1, 2)
		b.piled(10, 2, state)
		b.piled(3, 1)
		b.deliver(numbered(0), source(0))
		if diff := cmp.Diff([]int{10, 11, 0, 1, 2, 3}, order); diff != "" {
			t.Errorf("order of serving (-want +got):\n%s", diff)
		}
		b.wantSent(t, 6, "in the end")
	})
}

// Of those that begin the oldest give way, counted; one that gave way may come again.
func TestBacklogIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var order []int
		b := newBubble(t, radserver.Config{Handler: serving(&order, 0)})
		defer b.stop()
		const many = 6000
		b.piled(0, many)
		b.deliver(numbered(many), source(100))
		over := int(b.Stats().Discards[radserver.WhyOverloaded])
		if len(order)+over != many+1 || len(order) > many/2 || len(order) < radserver.MaxBeginning {
			t.Fatalf("%d served, %d gave way, of %d", len(order), over, many+1)
		}
		last := order[len(order)-radserver.MaxBeginning:]
		for i, n := range last {
			if want := many - radserver.MaxBeginning + i; n != want {
				t.Fatalf("among the last served, number %d is %d, want %d", i, n, want)
			}
		}
		if st := b.Stats(); st.InHand != 0 || int(st.Requests) != len(order) {
			t.Errorf("stats %+v, want %d requests and none in hand", st, len(order))
		}
		lost := 0
		for slices.Contains(order, lost) {
			lost++
		}
		b.deliver(numbered(lost), source(lost>>8))
		if order[len(order)-1] != lost {
			t.Errorf("number %d, which gave way, was not served when it came again", lost)
		}
	})
}

// What is under way never gives way: what the backlog has no room for is left in the socket,
// and to read ahead takes a part of the time only.
func TestBacklogLeavesOngoingInTheSocket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const many = 3000
		var order, left []int
		var b *bubble
		b = newBubble(t, radserver.Config{Handler: handlerFunc(func(r *radserver.Request) {
			order, left = append(order, numberOf(r)), append(left, b.pipe.Left())
			r.Respond(accept(), 0)
		})})
		defer b.stop()
		b.piled(1, many, state)
		b.deliver(numbered(0, state), source(0))
		if len(order) != many+1 || !slices.IsSorted(order) {
			t.Errorf("%d served, want all %d in order", len(order), many+1)
		}
		if left[0] != many-radserver.MaxReadAhead {
			t.Errorf("%d of %d were read before the first was served", many-left[0], many)
		}
		for i, n := range left {
			if in := many - n - i; in > radserver.MaxOngoing {
				t.Fatalf("%d wait in memory, want %d at most", in, radserver.MaxOngoing)
			}
		}
	})
}

// One that has waited for longer than a NAS does is left alone, and may come again. While it
// waits, a duplicate is silent.
func TestBacklogForgetsWhatIsLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var order []int
		b := newBubble(t, radserver.Config{Handler: serving(&order, 4*time.Second)})
		defer b.stop()
		late := numbered(1)
		b.pipe.Pile(source(0), late, numbered(2), late)
		b.deliver(numbered(3, state), source(0))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]int{3}, order); diff != "" {
			t.Errorf("order of serving (-want +got):\n%s", diff)
		}
		st := b.Stats()
		if st.Discards[radserver.WhyOverloaded] != 2 || st.InHand != 0 || st.Duplicates != 1 {
			t.Errorf("stats %+v, want two overloaded and a duplicate", st)
		}
		b.deliver(late, source(0))
		if diff := cmp.Diff([]int{3, 1}, order); diff != "" {
			t.Errorf("order of serving (-want +got):\n%s", diff)
		}
	})
}

// RP-6: a request that waits is abandoned when its NAS has gone on to another.
func TestRP6SupersededWhileWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var order []int
		b := newBubble(t, radserver.Config{Handler: serving(&order, 0)})
		defer b.stop()
		b.pipe.Pile(source(0), numbered(256), numbered(0)) // the same Identifier
		b.deliver(numbered(1, state), source(0))
		if diff := cmp.Diff([]int{1, 0}, order); diff != "" {
			t.Errorf("order of serving (-want +got):\n%s", diff)
		}
		if st := b.Stats(); st.Superseded != 1 || st.Requests != 2 || st.InHand != 0 {
			t.Errorf("stats %+v, want one superseded", st)
		}
	})
}

// A server that stops does not wait for what it has not begun.
func TestBacklogIsLeftWhenStopping(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var order []int
		b := newBubble(t, radserver.Config{Handler: serving(&order, time.Second)})
		b.piled(1, 3)
		b.deliver(numbered(0, state), source(0))
		began := time.Now()
		b.stop()
		if took := time.Since(began); took != time.Second || len(order) != 1 {
			t.Errorf("stopping took %v, %d were served; want one and its second", took, len(order))
		}
		if st := b.Stats(); st.InHand != 0 {
			t.Errorf("stats %+v, want none in hand", st)
		}
	})
}

// TestSocketReadsAhead is TestBacklogServesOngoingFirst over a socket.
func TestSocketReadsAhead(t *testing.T) {
	t.Parallel()
	order, begun := make(chan int, 10), make(chan struct{})
	w := start(t, radserver.Config{Sockets: 1, Handler: handlerFunc(func(r *radserver.Request) {
		<-begun
		order <- numberOf(r)
		r.Respond(accept(), 0)
	})})
	n := dial(t, w.Addr())
	n.send(numbered(0, state))
	eventually(t, "the first one served", func() bool { return w.Stats().Requests == 1 })
	for i := 1; i <= 3; i++ {
		n.send(numbered(i))
	}
	n.send(numbered(4, state))
	close(begun)
	var got []int
	for range 5 {
		got = append(got, <-order)
	}
	if diff := cmp.Diff([]int{0, 4, 1, 2, 3}, got); diff != "" {
		t.Errorf("order of serving (-want +got):\n%s", diff)
	}
}

// A request that the Handler has no room for is counted, unanswered, and may come again.
func TestPostponed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		postpone := true
		b := newBubble(t, radserver.Config{Handler: handlerFunc(func(r *radserver.Request) {
			if postpone {
				r.Postpone()
			}
			postpone = false
			r.Respond(accept(), 0)
		})})
		defer b.stop()
		b.deliver(numbered(1), source(0))
		st := b.Stats()
		if st.Discards[radserver.WhyOverloaded] != 1 || st.InHand != 0 || st.Dropped != 0 {
			t.Errorf("stats %+v, want one overloaded", st)
		}
		b.wantSent(t, 0, "postponed")
		b.deliver(numbered(1), source(0))
		b.wantSent(t, 1, "when it comes again")
		new(radserver.Request).Postpone() // ignored, as Drop is
	})
}
