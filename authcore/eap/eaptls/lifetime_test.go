package eaptls_test

import (
	"crypto/tls"
	"fmt"
	"runtime"
	"testing"
	"time"

	"gatehouse/authcore/eap"
	"gatehouse/authcore/eap/eaptls"
)

// pendingConfig returns a configuration whose Verify is pending for the first n questions.
func pendingConfig(t testing.TB, n int) (eaptls.Config, *int) {
	asked := 0
	config := server(t)
	config.Verify = func(*tls.ConnectionState) eaptls.Verdict {
		asked++
		return eaptls.Verdict{Pending: asked <= n, Accept: asked > n}
	}
	return config, &asked
}

// toPending runs d until its verdict is awaited.
func toPending(t testing.TB, d *dialogue) {
	t.Helper()
	if step := d.run(); step.Status != eap.Pending {
		t.Fatalf("got %+v, want Pending", step)
	}
}

func TestPendingVerdictIsResumed(t *testing.T) {
	t.Parallel()
	for name, version := range versions {
		for _, n := range []int{1, 3} {
			t.Run(fmt.Sprint(name, "-", n), func(t *testing.T) {
				t.Parallel()
				config, asked := pendingConfig(t, n)
				peer := client(t, "ecdsa")
				peer.MaxVersion = version
				d := newDialogue(t, config, peer)
				toPending(t, d)
				if got := d.method.Stage(); got != "the check of the device's certificate began" {
					t.Errorf("got stage %q", got)
				}
				for range n - 1 {
					if step := d.method.Resume(); step.Status != eap.Pending {
						t.Fatalf("got %+v, want Pending", step)
					}
				}
				step := d.finish(d.method.Resume())
				if step.Status != eap.Done || *asked != n+1 {
					t.Errorf("got %+v after %d questions, want Done after %d", step, *asked, n+1)
				}
				checkKeys(t, d, step.Keys)
			})
		}
	}
}

func TestPendingVerdictThatRefuses(t *testing.T) {
	t.Parallel()
	config, asked := pendingConfig(t, 1)
	admit := config.Verify
	config.Verify = func(cs *tls.ConnectionState) eaptls.Verdict {
		if v := admit(cs); v.Pending {
			return v
		}
		return refuse(cs)
	}
	d := newDialogue(t, config, client(t, "ecdsa"))
	toPending(t, d)
	step := d.finish(d.method.Resume())
	if step.Status != eap.Failed || step.Failure != suspended || *asked != 2 {
		t.Errorf("got %+v (%v), want the refusal", step, step.Failure)
	}
}

// The completion of a look-up runs on a goroutine of its own.
func TestResumedFromAnotherGoroutine(t *testing.T) {
	t.Parallel()
	config, _ := pendingConfig(t, 1)
	d := newDialogue(t, config, client(t, "ecdsa"))
	toPending(t, d)
	resumed := make(chan eap.Step)
	go func() { resumed <- d.method.Resume() }()
	if step := d.finish(<-resumed); step.Status != eap.Done {
		t.Errorf("got %+v, want Done", step)
	}
}

func TestPanicSurfacesAndCloseFollows(t *testing.T) {
	config, _ := pendingConfig(t, 1)
	wait := config.Verify
	for _, later := range []bool{false, true} {
		before := runtime.NumGoroutine()
		config.Verify = func(cs *tls.ConnectionState) eaptls.Verdict {
			if later {
				if v := wait(cs); v.Pending {
					return v
				}
			}
			panic("planted")
		}
		d := newDialogue(t, config, client(t, "ecdsa"))
		func() {
			defer func() {
				if got := recover(); got != "planted" {
					t.Errorf("recovered %v, want the planted panic", got)
				}
			}()
			step := d.run()
			if later && step.Status == eap.Pending {
				d.method.Resume()
			}
			t.Errorf("got %+v, want a panic", step)
		}()
		d.method.Close()
		d.device.stop()
		settled(t, before)
	}
}

// settled fails the test unless the goroutines, coroutines among them, go back to want.
func settled(t *testing.T, want int) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > want {
		if time.Now().After(deadline) {
			t.Fatalf("got %d goroutines, want %d", runtime.NumGoroutine(), want)
		}
		runtime.Gosched()
	}
}

// Whatever the phase, Close leaves nothing behind.
func TestCloseInEveryPhase(t *testing.T) {
	phases := map[string]func(*testing.T) *dialogue{
		"new":     func(t *testing.T) *dialogue { return newDialogue(t, server(t), client(t, "ecdsa")) },
		"started": func(t *testing.T) *dialogue { return stepped(t, func(d *dialogue) { d.method.Start() }) },
		"half-a-hello": func(t *testing.T) *dialogue {
			return stepped(t, func(d *dialogue) { d.step(fragment(flagM, -1, []byte{22, 3})) })
		},
		"certificate-sent": func(t *testing.T) *dialogue {
			return stepped(t, func(d *dialogue) { d.receive(d.begin()) })
		},
		"mid-fragment": func(t *testing.T) *dialogue {
			config := server(t)
			config.FragmentSize = 200
			d := newDialogue(t, config, client(t, "ecdsa"))
			d.begin()
			return d
		},
		"pending": func(t *testing.T) *dialogue {
			config, _ := pendingConfig(t, 1)
			d := newDialogue(t, config, client(t, "ecdsa"))
			toPending(t, d)
			return d
		},
		"alerting": func(t *testing.T) *dialogue {
			config := server(t)
			config.Verify = refuse
			d := newDialogue(t, config, client(t, "ecdsa"))
			d.send(d.device.flight(d.receive(d.begin())))
			return d
		},
		"failed": func(t *testing.T) *dialogue { return stepped(t, func(d *dialogue) { d.step([]byte{0}) }) },
		"finishing": func(t *testing.T) *dialogue {
			return stepped(t, func(d *dialogue) { d.send(d.device.flight(d.receive(d.begin()))) })
		},
		"done": func(t *testing.T) *dialogue { return stepped(t, func(d *dialogue) { d.run() }) },
	}
	engine := map[string]bool{"certificate-sent": true, "mid-fragment": true, "pending": true,
		"finishing": true, "done": true}
	for name, build := range phases {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			const many = 20
			var all []*dialogue
			for range many {
				all = append(all, build(t))
			}
			running := before + many // the devices'
			if engine[name] {
				running += many
			}
			// Half of one kind is for goroutines of earlier tests that were counted dying.
			if got := runtime.NumGoroutine(); got < running-many/2 {
				t.Errorf("got %d goroutines, want the coroutines to be seen: %d", got, running)
			}
			for _, d := range all {
				d.method.Close()
				d.device.stop()
			}
			settled(t, before)
		})
	}
}

// stepped returns a dialogue after steps.
func stepped(t *testing.T, steps func(*dialogue)) *dialogue {
	d := newDialogue(t, server(t), client(t, "ecdsa"))
	steps(d)
	return d
}

// Secrets are gone after Close, and those handed out are the caller's.
func TestKeysBelongToTheCaller(t *testing.T) {
	t.Parallel()
	d := newDialogue(t, server(t), client(t, "ecdsa"))
	step := d.run()
	d.method.Close()
	checkKeys(t, d, step.Keys)
	step.Keys.Clear()
	if step.Keys.MSK != [64]byte{} {
		t.Error("Clear left the MSK")
	}
}
