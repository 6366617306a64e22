package pki

import (
	"crypto/x509"
	"fmt"
	"time"

	"gatehouse/authcore/audit"
)

// A PathError says why no path leads from a person's certificate to a trusted CA. Of all the
// paths that were tried it tells about the one that came furthest.
type PathError struct {
	Reason      audit.Reason
	Step        audit.StepName    // StepChain, StepDates or StepPurpose
	Certificate *x509.Certificate // that failed; nil if none was presented
	Depth       int               // of Certificate: 0 is the person's own
	Detail      string            // fresh facts and a hint; text from strangers is escaped
}

// Error names the certificate and the check in one line.
func (e *PathError) Error() string {
	if e.Certificate == nil {
		return e.Detail
	}
	return fmt.Sprintf("%s %s: %s", role(e.Depth), Describe(e.Certificate), e.Detail)
}

// role says what the certificate at depth is to the reader.
func role(depth int) string {
	if depth == 0 {
		return "the person's certificate"
	}
	return fmt.Sprintf("the CA certificate %d above the person's,", depth)
}

// datesDetail says how now lies outside of the validity of c, or "".
func datesDetail(c *x509.Certificate, now time.Time) string {
	switch {
	case now.Before(c.NotBefore):
		return fmt.Sprintf("not yet valid by %s: it is valid from %s, and this gateway's clock says %s: is that right?",
			span(c.NotBefore.Sub(now)), day(c.NotBefore), day(now))
	case now.After(c.NotAfter):
		return fmt.Sprintf("expired %s ago, on %s", span(now.Sub(c.NotAfter)), day(c.NotAfter))
	}
	return ""
}
