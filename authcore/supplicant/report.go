package supplicant

import "time"

// Result is how a conversation ended, as the peer saw it.
type Result string

// The results. Aborted means that the server broke the protocol, so that the peer gave up
// before any verdict.
const (
	ResultAccept  Result = "accept"
	ResultReject  Result = "reject"
	ResultAborted Result = "aborted"
)

// StepName names one rung of the peer's ladder.
type StepName string

// The rungs, in order.
const (
	StepReach             StepName = "reach server"
	StepIdentity          StepName = "identity"
	StepMethod            StepName = "method"
	StepServerCertificate StepName = "server certificate"
	StepTLS               StepName = "tls"
	StepOurCertificate    StepName = "our certificate"
	StepProtectedResult   StepName = "protected result"
	StepEAPSuccess        StepName = "eap success"
	StepRecvKey           StepName = "ms-mppe-recv-key"
	StepSendKey           StepName = "ms-mppe-send-key"
	StepKeyName           StepName = "eap-key-name"
)

// StepState says how a rung ended. The zero value never appears in a Report.
type StepState string

// The states of a rung.
const (
	StepPassed StepState = "passed"
	StepFailed StepState = "failed"
	StepNotRun StepState = "not run"
)

// Step is one rung of the ladder. Text from the server in Detail is escaped.
type Step struct {
	Name   StepName  `json:"step"`
	State  StepState `json:"state"`
	Detail string    `json:"detail,omitempty"`
}

// Certificate tells of the certificate that the server presented.
type Certificate struct {
	Subject  string    `json:"subject"`
	Issuer   string    `json:"issuer"`
	NotAfter time.Time `json:"not_after"`
	SHA256   string    `json:"sha256"` // of the DER, lower hex
	// Verified says that the chain, the purpose and, where one was given, the name were
	// checked and right.
	Verified bool `json:"verified"`
}

// ReplyAttribute is one attribute of the server's last packet, fit to be shown. Keys and
// authenticators are told by their size only.
type ReplyAttribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Report is what the peer saw of one conversation. It holds no secret.
type Report struct {
	Result     Result   `json:"result"`
	Reason     string   `json:"reason"` // the peer's view, one line
	Steps      []Step   `json:"steps"`
	Violations []string `json:"violations,omitempty"` // rules broken by the server, each with its ID
	KeysOK     bool     `json:"keys_ok"`              // every key asked for is there and is ours

	TLSVersion  string `json:"tls_version,omitempty"` // "1.2", "1.3"
	CipherSuite string `json:"cipher_suite,omitempty"`
	Curve       string `json:"curve,omitempty"`
	Resumed     bool   `json:"resumed"`
	// ExtendedMasterSecret says that keys are bound to the handshake (RFC 7627); TLS 1.3
	// always does so.
	ExtendedMasterSecret bool         `json:"extended_master_secret"`
	Alert                string       `json:"alert,omitempty"` // sent by the server, RFC 8446 §6 name
	ServerCertificate    *Certificate `json:"server_certificate,omitempty"`

	UserName        string           `json:"user_name,omitempty"` // from the Access-Accept
	VLAN            string           `json:"vlan,omitempty"`
	ReplyAttributes []ReplyAttribute `json:"reply_attributes,omitempty"`

	Traffic
	Duration   time.Duration `json:"-"`
	DurationMS float64       `json:"duration_ms"`
}

// OK reports whether the server accepted us, every key was right and no rule was broken.
func (r *Report) OK() bool {
	return r.Result == ResultAccept && r.KeysOK && len(r.Violations) == 0
}

// Step returns the named rung, and false if the ladder has none of that name.
func (r *Report) Step(name StepName) (Step, bool) {
	for _, s := range r.Steps {
		if s.Name == name {
			return s, true
		}
	}
	return Step{}, false
}

func newReport() *Report {
	names := []StepName{
		StepReach, StepIdentity, StepMethod, StepServerCertificate, StepTLS, StepOurCertificate,
		StepProtectedResult, StepEAPSuccess, StepRecvKey, StepSendKey, StepKeyName,
	}
	r := &Report{Steps: make([]Step, len(names))}
	for i, n := range names {
		r.Steps[i] = Step{Name: n, State: StepNotRun}
	}
	return r
}

func (r *Report) set(name StepName, state StepState, detail string) {
	for i := range r.Steps {
		if r.Steps[i].Name == name {
			r.Steps[i].State, r.Steps[i].Detail = state, detail
		}
	}
}

func (r *Report) pass(name StepName, detail string)   { r.set(name, StepPassed, detail) }
func (r *Report) fail(name StepName, detail string)   { r.set(name, StepFailed, detail) }
func (r *Report) notRun(name StepName, detail string) { r.set(name, StepNotRun, detail) }
