package appliance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// trialPause is how long what does not answer is left alone before it is asked again.
	trialPause = time.Second
	// trialPatience bounds one question to a listener.
	trialPatience = 2 * time.Second
	// maxFindings bounds what a trial tells: what is wrong with one of many RADIUS servers is
	// often wrong with all.
	maxFindings = 32
)

// What a trial may find, for errors.Is.
var (
	errListenerSilent = errors.New("a listener does not answer")
	errNoSignIn       = errors.New("a sign-in cannot be completed")
	errMemoryShort    = errors.New("memory is short")
)

// A finding is one thing that does not work, in one line for an administrator.
type finding struct {
	kind error // of the above
	text string
}

func (f finding) Error() string { return f.text }
func (f finding) Unwrap() error { return f.kind }

// findings is the error of a trial.
type findings []finding

func (f findings) Error() string {
	texts := make([]string, 0, len(f))
	for i, one := range f {
		if i == maxFindings {
			texts = append(texts, fmt.Sprintf("and %d more", len(f)-i))
			break
		}
		texts = append(texts, one.text)
	}
	return strings.Join(texts, "; ")
}

func (f findings) Unwrap() []error {
	errs := make([]error, len(f))
	for i, one := range f {
		errs[i] = one
	}
	return errs
}

// trial says whether what is in force works: whether devices can sign in at every RADIUS server,
// the listeners answer and memory suffices. It returns nil as soon as all of it does. Listeners
// and memory are given until ctx ends; what keeps devices from signing in no time mends, so then
// it returns at once. The error is findings, each of a kind above or ErrNoConfiguration. Nothing
// of a trial outlives it, is counted, or is told as a decision.
func (a *Appliance) trial(ctx context.Context) error {
	broken := a.trySignIns(ctx)
	var last findings
	for {
		found := append(findings(nil), broken...)
		found = append(found, a.tryListeners(ctx)...)
		found = append(found, tryMemory()...)
		switch {
		case len(found) == 0:
			return nil
		case len(broken) > 0:
			return found
		case ctx.Err() != nil && last != nil: // found is cut short
			return last
		}
		last = found
		select {
		case <-time.After(trialPause):
		case <-ctx.Done():
			return last
		}
	}
}
