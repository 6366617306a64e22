package fetch

import (
	"errors"
	"math/rand/v2"
	"time"
)

const (
	jitter      = 0.2 // of a delay, to either side
	maxFirst    = 5 * time.Minute
	firstRetry  = time.Minute
	maxBackOff  = time.Hour
	resumeAfter = 10 * time.Second
	maxResumes  = 10 // in a row, before a broken download is like any other failure
)

func randomFraction() float64 { return rand.Float64() }

// A pace decides how long to wait. It does no waiting itself.
type pace struct {
	interval time.Duration
	failures int
	resumes  int
}

// first spreads those that start together. random is in [0, 1).
func (p *pace) first(random float64) time.Duration {
	return time.Duration(random * float64(min(p.interval, maxFirst)))
}

// next returns the wait after a try that ended with err. A download that gained something is
// resumed soon; other failures back off to an hour. What a server asks for in Retry-After
// (RFC 9110 §10.2.3) is honoured up to an hour too, and then spread to one side: never sooner.
func (p *pace) next(err error, gained bool, random float64) time.Duration {
	if err == nil {
		p.failures, p.resumes = 0, 0
		return spread(p.interval, random)
	}
	var refused *responseError
	asked := time.Duration(0)
	if errors.As(err, &refused) {
		asked = min(refused.retryAfter, maxBackOff)
	}
	var wait time.Duration
	if gained && p.resumes < maxResumes {
		p.resumes++
		wait = spread(time.Duration(p.resumes)*resumeAfter, random)
	} else {
		wait = spread(min(min(p.interval, firstRetry)<<p.failures, maxBackOff), random)
		p.failures = min(p.failures+1, 16)
	}
	if asked > 0 {
		wait = max(wait, asked+time.Duration(random*jitter*float64(asked)))
	}
	return wait
}

func spread(d time.Duration, random float64) time.Duration {
	return time.Duration((1 - jitter + 2*jitter*random) * float64(d))
}
