package appliance

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/webui"
)

// TestSealedFilesOneAtATime has more people come than there are turns: each waits, and nobody for
// longer than they would.
func TestSealedFilesOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSealedFiles()
		var open, most, done atomic.Int64
		s.read = func([]byte, string) ([]byte, error) {
			most.Store(max(most.Load(), open.Add(1)))
			time.Sleep(2 * time.Second)
			open.Add(-1)
			done.Add(1)
			return nil, nil
		}
		busy := make(chan bool, 5)
		for range cap(busy) {
			go func() {
				_, err := s.open(context.Background(), nil, "")
				busy <- errors.Is(err, webui.ErrBusy)
			}()
		}
		refused := 0
		for range cap(busy) {
			if <-busy {
				refused++
			}
		}
		if most.Load() != 1 || done.Load() != 3 || refused != 2 {
			t.Errorf("at once %d, opened %d, refused %d; want 1, 3 and 2", most.Load(), done.Load(), refused)
		}
	})
}
