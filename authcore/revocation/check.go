package revocation

import (
	"context"
	"crypto/x509"
	"errors"
	"maps"
	"slices"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
)

// ErrNoIssuer says that nobody can be asked about a certificate whose issuer is not at hand.
var ErrNoIssuer = errors.New("its issuer is in no CA of the configuration and not in the file")

// A Check is what each responder that a certificate names says of it, asked now and step by step.
type Check struct {
	Subject    string           `json:"subject"`
	Serial     string           `json:"serial"` // hexadecimal
	Issuer     string           `json:"issuer"`
	CA         string           `json:"ca,omitempty"` // of the configuration; empty: none
	Known      *EntryReport     `json:"known,omitempty"`
	Responders []ResponderCheck `json:"responders"`
	Points     []string         `json:"crl_distribution_points,omitempty"`
}

// A ResponderCheck is one responder asked about one certificate. Its times are UTC.
type ResponderCheck struct {
	URL        string      `json:"url"`
	Steps      []StepCheck `json:"steps"`  // dns, tcp, tls, http, signature, dates
	Status     string      `json:"status"` // good, revoked, unknown or none
	Why        string      `json:"why,omitempty"`
	RevokedAt  time.Time   `json:"revoked_at,omitzero"`
	ThisUpdate time.Time   `json:"this_update,omitzero"`
	NextUpdate time.Time   `json:"next_update,omitzero"`
	LatencyMS  float64     `json:"latency_ms"`
	Reason     string      `json:"reason,omitempty"` // code of why its answer does not count
	Detail     string      `json:"detail,omitempty"`
}

// A StepCheck is one step of asking.
type StepCheck struct {
	Name   string  `json:"name"`
	State  string  `json:"state"` // ok, failed or not_run
	Detail string  `json:"detail,omitempty"`
	TookMS float64 `json:"took_ms,omitempty"`
}

// Check asks every responder that the first certificate of chain names, or that its CA does. The
// answers are shown and not kept. The rest of chain may hold the issuer. The error is
// ErrNoIssuer.
func (s *Source) Check(ctx context.Context, chain []*x509.Certificate) (Check, error) {
	v := s.makeView()
	sub, ok := v.subjectOf(chain)
	if !ok {
		return Check{}, ErrNoIssuer
	}
	t := targetOf(sub.cert)
	c := Check{
		Subject: audit.Printable(sub.cert.Subject.String()), Serial: sub.key.SerialHex(),
		Issuer: audit.Printable(sub.issuer.Subject.String()), CA: sub.ca,
		Responders: []ResponderCheck{}, Points: t.points,
	}
	s.judge(sub, v, s.config.Clock()) // brings back what is kept
	s.mu.Lock()
	if e := s.table.entries[sub.key]; e != nil {
		known := e.report(v)
		c.Known = &known
	}
	s.mu.Unlock()
	for _, url := range withLast(t.responders, sub.rules.Responder) {
		target := Target{URL: url, Allow: v.allowed(sub.ca)}
		c.Responders = append(c.Responders, s.checkResponder(ctx, sub, target))
	}
	return c, nil
}

// subjectOf finds the issuer of the first certificate, and the CA whose rules hold.
func (v *view) subjectOf(chain []*x509.Certificate) (*subject, bool) {
	if len(chain) == 0 {
		return nil, false
	}
	leaf := chain[0]
	sub := &subject{cert: leaf, rules: policy.Default().Revocation}
	if leaf.IsCA {
		sub.role = intermediate
	}
	for _, c := range chain[1:] {
		if leaf.CheckSignatureFrom(c) == nil {
			sub.issuer = c
		}
	}
	if v != nil {
		sub.rules = v.snapshot.Policy().Revocation
		if ca, issuer := v.issuerOf(leaf); issuer != nil {
			sub.issuer, sub.ca, sub.rules = issuer, ca, v.cas[ca].rules
		}
	}
	if sub.issuer == nil {
		return nil, false
	}
	sub.key = KeyOf(leaf, sub.issuer)
	return sub, true
}

// issuerOf returns the certificate that signed leaf, and its CA: of several, the first by name.
// The certificate is nil if there is none.
func (v *view) issuerOf(leaf *x509.Certificate) (ca string, issuer *x509.Certificate) {
	for _, name := range slices.Sorted(maps.Keys(v.cas)) {
		for _, candidate := range v.cas[name].certificates {
			if leaf.CheckSignatureFrom(candidate) == nil {
				return name, candidate
			}
		}
	}
	return "", nil
}

func (s *Source) checkResponder(ctx context.Context, sub *subject, t Target) ResponderCheck {
	r := ResponderCheck{URL: t.URL, Status: None.String()}
	request, err := NewRequest(sub.cert, sub.issuer, RequestOptions{})
	if err != nil {
		r.refuse(asError(err, audit.OCSPUnavailable))
		return r
	}
	steps := s.config.Fetcher.Probe(ctx, t, request)
	r.LatencyMS = milliseconds(steps.Took)
	r.step("dns", steps.DNS)
	r.step("tcp", steps.TCP)
	r.step("tls", steps.TLS)
	r.step("http", steps.HTTP)
	if steps.Err != nil {
		r.refuse(asError(steps.Err, audit.OCSPUnavailable))
		r.step("signature", Step{})
		r.step("dates", Step{})
		return r
	}
	s.checkAnswer(ctx, &r, sub, t, steps.Answer)
	return r
}

// checkAnswer takes the steps that follow when there is an answer.
func (s *Source) checkAnswer(ctx context.Context, r *ResponderCheck, sub *subject, t Target, der []byte) {
	at := s.config.Clock()
	a, err := VerifyResponse(der, sub.cert, sub.issuer, VerifyOptions{Now: at.Now, Skew: sub.rules.Skew})
	s.config.Fetcher.Judged(t.URL, err)
	var fault *Error
	if err != nil {
		fault = asError(err, audit.OCSPUnavailable)
	} else {
		fault = s.checkSigner(ctx, sub, t, &a)
	}
	if fault != nil {
		r.refuse(fault)
		r.step("signature", Step{State: StepFailed, Detail: fault.Detail})
		r.step("dates", Step{})
		return
	}
	s.config.Fetcher.Dated(t.URL, a.ThisUpdate, a.NextUpdate)
	r.step("signature", Step{State: StepOK})
	r.Status, r.Why, r.RevokedAt = a.Status.String(), a.Why, a.RevokedAt.UTC()
	r.ThisUpdate, r.NextUpdate = a.ThisUpdate.UTC(), a.NextUpdate.UTC()
	dates := Step{State: StepOK, Detail: "until " + a.Until(sub.rules.MaxAge).UTC().Format(time.RFC3339)}
	if a.Freshness(at.Now, sub.rules.Skew, sub.rules.MaxAge) != Fresh {
		dates = Step{State: StepFailed, Detail: "the answer" + outOfDate(&a, sub, at.Now)}
		r.refuse(&Error{Reason: audit.OCSPStale, Detail: dates.Detail})
	}
	r.step("dates", dates)
}

func (r *ResponderCheck) refuse(e *Error) { r.Reason, r.Detail = string(e.Reason), e.Detail }

func (r *ResponderCheck) step(name string, s Step) {
	r.Steps = append(r.Steps, StepCheck{
		Name: name, State: s.State.String(), Detail: s.Detail, TookMS: milliseconds(s.Took),
	})
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
