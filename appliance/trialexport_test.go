package appliance

import (
	"context"

	"gatehouse/authcore/snapshot"
)

// What a trial may find, for tests.
var (
	ErrListenerSilent = errListenerSilent
	ErrNoSignIn       = errNoSignIn
	ErrMemoryShort    = errMemoryShort
)

// Trial is trial, for tests.
func (a *Appliance) Trial(ctx context.Context) error { return a.trial(ctx) }

// TrySignIns returns what trySignIns finds, for tests.
func (a *Appliance) TrySignIns(ctx context.Context) (texts []string) {
	for _, f := range a.trySignIns(ctx) {
		texts = append(texts, f.text)
	}
	return texts
}

// Attempts is how many sign-ins a trial tries, for tests.
func (a *Appliance) Attempts() (int, error) {
	r, err := a.rehearse(a.holder.Load())
	if err != nil {
		return 0, err
	}
	defer r.close()
	return len(r.attempts()), nil
}

// InForce returns the Snapshot in force, for tests.
func (a *Appliance) InForce() *snapshot.Snapshot { return a.holder.Load() }

// LastDecision returns the number of the newest decision, for tests.
func (a *Appliance) LastDecision() uint64 { return a.events.Last() }

// JudgeMemory returns the error that judgeMemory finds, or nil, for tests.
func JudgeMemory(limit int64, live func() uint64) error {
	if found := judgeMemory(limit, live); len(found) > 0 {
		return findings(found)
	}
	return nil
}

// What has these names in lower case, for tests.
var (
	RefusedPeople = refusedPeople
	LeadsUp       = leadsUp
	LiveHeap      = liveHeap
)
