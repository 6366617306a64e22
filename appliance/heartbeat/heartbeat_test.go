package heartbeat_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/heartbeat"
)

// A watcher notes when it is told, and fails as often as fails says.
type watcher struct {
	begun time.Time
	at    []time.Duration
	fails int
	hang  bool
}

func (w *watcher) Post(ctx context.Context, body []byte) error {
	w.at = append(w.at, time.Since(w.begun).Round(time.Second))
	if string(body) != "{}" {
		return errors.New("another body: " + string(body))
	}
	if w.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if w.fails > 0 {
		w.fails--
		return errors.New("nobody there")
	}
	return nil
}

func config(w *watcher, log *bytes.Buffer, random float64) heartbeat.Config {
	w.begun = time.Now()
	return heartbeat.Config{
		Poster: w, Interval: 10 * time.Minute, Where: "https://watch.example", Now: time.Now,
		Body:   func() ([]byte, error) { return []byte("{}"), nil },
		Logger: slog.New(slog.NewTextHandler(log, nil)), Random: func() float64 { return random },
	}
}

func seconds(list ...int) (d []time.Duration) {
	for _, n := range list {
		d = append(d, time.Duration(n)*time.Second)
	}
	return d
}

// TestPace: jitter at the start and at every interval; failures back off to an hour, and are logged
// once as long as they stay the same.
func TestPace(t *testing.T) {
	for _, tt := range []struct {
		name   string
		random float64
		fails  int
		want   []time.Duration
	}{
		{"at once, soonest", 0, 0, seconds(0, 480, 960, 1440)},
		{"late", 0.5, 0, seconds(150, 750, 1350, 1950)},
		{"failing", 0.5, 8, seconds(150, 210, 330, 570, 1050, 2010, 3930, 7530, 11130, 11730)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, log := &watcher{fails: tt.fails}, &bytes.Buffer{}
				s := heartbeat.New(config(w, log, tt.random))
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- s.Run(ctx) }()
				time.Sleep(tt.want[len(tt.want)-1] + time.Second)
				synctest.Wait()
				st := s.Status()
				cancel()
				if err := <-done; err != nil {
					t.Errorf("Run: %v", err)
				}
				if diff := cmp.Diff(tt.want, w.at); diff != "" {
					t.Errorf("sent at (-want +got):\n%s", diff)
				}
				if st.Failures != uint64(tt.fails) || st.Sent != uint64(len(tt.want)-tt.fails) || st.Problem != "" ||
					st.Next.Before(st.LastSuccess) {
					t.Errorf("status %+v", st)
				}
				if n := strings.Count(log.String(), "cannot be sent"); n != min(tt.fails, 1) {
					t.Errorf("logged %d times:\n%s", n, log)
				}
			})
		})
	}
}

// TestEndsAtOnce: whoever stops the program does not wait for an answer that does not come.
func TestEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, log := &watcher{hang: true}, &bytes.Buffer{}
		s := heartbeat.New(config(w, log, 0))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		select {
		case err := <-done:
			if err != nil || len(w.at) != 1 || s.Status().Failures != 0 {
				t.Errorf("Run: %v, %+v", err, s.Status())
			}
		default:
			t.Fatal("Run goes on")
		}
	})
}

// TestNothingToSay is a failure like any other.
func TestNothingToSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, log := &watcher{}, &bytes.Buffer{}
		c := config(w, log, 0)
		c.Body = func() ([]byte, error) { return nil, errors.New("no words") }
		s := heartbeat.New(c)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		synctest.Wait()
		if st := s.Status(); st.Problem != "no words" || len(w.at) > 0 {
			t.Errorf("status %+v, %d posts", st, len(w.at))
		}
		cancel()
		<-done
	})
}
