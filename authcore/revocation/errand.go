package revocation

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// An errand is one thing to be fetched, in one request or a few.
type errand struct {
	f      *Fetcher
	url    *url.URL
	key    string
	client *http.Client
	trace  *fetchTrace
	began  time.Time
	budget time.Duration
}

// newErrand begins an errand within ctx, which has a deadline.
func (f *Fetcher) newErrand(ctx context.Context, t Target, pool *transportPool) (*errand, error) {
	u, err := parseURL(t.URL)
	if err != nil {
		return nil, err
	}
	trace := new(fetchTrace)
	deadline, _ := ctx.Deadline()
	return &errand{
		f: f, url: u, key: healthKey(u), trace: trace,
		// The monotonic clock: budgets are lengths of time, whatever day it is.
		began: time.Now(), budget: time.Until(deadline),
		client: &http.Client{
			Transport: &route{
				pool: pool, proxy: f.proxy, allow: canonicalPrefixes(t.Allow), trace: trace,
			},
			CheckRedirect: checkRedirect,
		},
	}, nil
}

// end books the errand and returns its steps.
func (e *errand) end(err error) Steps {
	s := e.trace.finish(err)
	s.URL, s.Took = e.key, time.Since(e.began)
	blameless := errors.Is(err, context.Canceled) ||
		errors.Is(err, context.DeadlineExceeded) && e.budget < fairChance
	e.f.health.fetched(e.key, s, blameless, e.f.now())
	return s
}

// checkRedirect allows one redirect that keeps the request whole and does not leave TLS.
func checkRedirect(next *http.Request, via []*http.Request) error {
	refuse := func(why string) error {
		return &FetchError{Stage: StageHTTP,
			Detail: clip("asking " + via[0].URL.Host + ": redirected " + why)}
	}
	if len(next.URL.String()) > maxURLBytes {
		return refuse("to an address longer than 2 KiB")
	}
	if err := checkURL(next.URL); err != nil {
		return refuse("elsewhere: " + err.Error())
	}
	switch {
	case len(via) > 1:
		return refuse("more than once")
	case via[0].URL.Scheme == "https" && next.URL.Scheme != "https":
		return refuse("from https to http")
	case via[0].Method != next.Method:
		return refuse("without the request")
	}
	return nil
}

// ocsp sends an OCSP request by GET or POST.
func (e *errand) ocsp(ctx context.Context, request []byte) ([]byte, error) {
	ask := exchange{accept: "application/ocsp-response", limit: maxOCSPBytes}
	get := getURL(e.url, request)
	tried := get != "" && !e.f.health.refusesGET(e.key)
	if tried {
		ask.method, ask.url = http.MethodGet, get
		got, err := e.do(ctx, ask)
		if !refusesGET(err) {
			return got.body, err
		}
	}
	ask.method, ask.url, ask.body = http.MethodPost, e.url.String(), request
	got, err := e.do(ctx, ask)
	if tried && err == nil {
		e.f.health.setRefusesGET(e.key)
	}
	return got.body, err
}

// refusesGET reports whether POST may do better.
func refusesGET(err error) bool {
	var failed *FetchError
	if !errors.As(err, &failed) {
		return false
	}
	switch failed.Status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusNotImplemented:
		return true
	}
	return false
}
