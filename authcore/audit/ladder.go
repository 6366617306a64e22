package audit

// StepName names one check of a decision.
type StepName string

// The checks of an authentication by certificate, in the order in which they are told.
const (
	StepClient               StepName = "client"
	StepMessageAuthenticator StepName = "message_authenticator"
	StepEAP                  StepName = "eap"
	StepTLS                  StepName = "tls"
	StepChain                StepName = "chain"
	StepDates                StepName = "dates"
	StepPurpose              StepName = "purpose"
	StepIdentity             StepName = "identity"
	StepUser                 StepName = "user"
	StepScope                StepName = "scope"
	StepRevocation           StepName = "revocation"
	StepPolicy               StepName = "policy"
)

// StepState says how a check ended. The zero value is NotRun.
type StepState string

// The states of a step.
const (
	NotRun StepState = "not run"
	Passed StepState = "passed"
	Failed StepState = "failed"
)

// A Step is one check and how it ended. Detail is one line of fresh facts, or empty; it may
// hold text that strangers sent, already escaped by Printable.
type Step struct {
	Name   StepName  `json:"step"`
	State  StepState `json:"state"`
	Detail string    `json:"detail,omitempty"`
}

// A Ladder is the whole list of checks of one decision, in order. A check that was not reached
// or does not apply stays NotRun. A Ladder has one writer; share it only once it is complete.
type Ladder []Step

// CertificateLadder returns the ladder of an authentication by certificate, nothing run yet.
func CertificateLadder() Ladder {
	return Ladder{
		{Name: StepClient, State: NotRun}, {Name: StepMessageAuthenticator, State: NotRun},
		{Name: StepEAP, State: NotRun}, {Name: StepTLS, State: NotRun},
		{Name: StepChain, State: NotRun}, {Name: StepDates, State: NotRun},
		{Name: StepPurpose, State: NotRun}, {Name: StepIdentity, State: NotRun},
		{Name: StepUser, State: NotRun}, {Name: StepScope, State: NotRun},
		{Name: StepRevocation, State: NotRun}, {Name: StepPolicy, State: NotRun},
	}
}

// Pass marks the named step as passed. A name that is not on the ladder is ignored.
func (l Ladder) Pass(name StepName, detail string) { l.set(name, Passed, detail) }

// Fail marks the named step as failed. A name that is not on the ladder is ignored.
func (l Ladder) Fail(name StepName, detail string) { l.set(name, Failed, detail) }

func (l Ladder) set(name StepName, state StepState, detail string) {
	for i := range l {
		if l[i].Name == name {
			l[i].State, l[i].Detail = state, detail
			return
		}
	}
}

// FailedStep returns the first failed step, and false if none failed.
func (l Ladder) FailedStep() (Step, bool) {
	for _, s := range l {
		if s.State == Failed {
			return s, true
		}
	}
	return Step{}, false
}
