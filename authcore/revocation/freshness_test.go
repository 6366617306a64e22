package revocation_test

import (
	"testing"
	"time"

	"gatehouse/authcore/revocation"
)

func TestOC3Freshness(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) time.Time { return codecNow.Add(d) }
	const hour, s = time.Hour, time.Second
	for name, tc := range map[string]struct {
		this, next time.Duration // next 0: none
		produced   time.Duration
		maxAge     time.Duration
		want       revocation.Freshness
	}{
		"in force":                      {-hour, hour, -hour, 0, revocation.Fresh},
		"over, within the skew":         {-hour, -codecSkew, -hour, 0, revocation.Fresh},
		"over":                          {-hour, -codecSkew - s, -hour, 0, revocation.Stale},
		"ahead, within the skew":        {codecSkew, hour, codecSkew, 0, revocation.Fresh},
		"thisUpdate ahead":              {codecSkew + s, hour, 0, 0, revocation.Future},
		"producedAt ahead":              {-hour, hour, codecSkew + s, 0, revocation.Future},
		"ahead and over":                {2 * hour, hour, 2 * hour, 0, revocation.Future},
		"no end, a day old":             {-24 * hour, 0, -24 * hour, 0, revocation.Fresh},
		"no end, more than a day old":   {-24*hour - codecSkew - s, 0, -hour, 0, revocation.Stale},
		"no end, within max age":        {-48 * hour, 0, -hour, 48 * hour, revocation.Fresh},
		"no end, beyond max age":        {-2 * hour, 0, -hour, hour, revocation.Stale},
		"max age before nextUpdate":     {-2 * hour, hour, -2 * hour, hour, revocation.Stale},
		"nextUpdate before max age":     {-2 * hour, -hour, -2 * hour, 48 * hour, revocation.Stale},
		"max age below nextUpdate":      {-hour / 2, hour, -hour / 2, hour, revocation.Fresh},
		"produced late from an old CRL": {-72 * hour, hour, -hour, 0, revocation.Fresh},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := revocation.Answer{ThisUpdate: at(tc.this), ProducedAt: at(tc.produced)}
			if tc.next != 0 {
				a.NextUpdate = at(tc.next)
			}
			if got := a.Freshness(codecNow, codecSkew, tc.maxAge); got != tc.want {
				t.Errorf("Freshness: got %v, want %v", got, tc.want)
			}
		})
	}
	if got := (revocation.Answer{}).Freshness(codecNow, codecSkew, 0); got != revocation.Stale {
		t.Errorf("Freshness of the zero Answer: got %v, want stale", got)
	}
	if got := (revocation.Answer{}).Freshness(time.Time{}, codecSkew, 0); got != revocation.Stale {
		t.Errorf("Freshness of the zero Answer at the zero time: got %v, want stale", got)
	}
}

// A clock that steps never makes an answer of another time fresh.
func TestOC16ClockStepsFreshenNothing(t *testing.T) {
	t.Parallel()
	a := revocation.Answer{
		Status: revocation.Good, ThisUpdate: codecNow, ProducedAt: codecNow, NextUpdate: codecNow.Add(time.Hour),
	}
	for now, want := range map[time.Time]revocation.Freshness{
		time.Unix(0, 0):                             revocation.Future,
		codecNow.AddDate(-1, 0, 0):                  revocation.Future,
		codecNow.AddDate(25, 0, 0):                  revocation.Stale,
		time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC): revocation.Stale,
	} {
		if got := a.Freshness(now, codecSkew, 0); got != want {
			t.Errorf("Freshness at %v: got %v, want %v", now, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		revocation.None.String(): "none", revocation.Good.String(): "good",
		revocation.Revoked.String(): "revoked", revocation.Unknown.String(): "unknown",
		revocation.Status(9).String(): "status 9", revocation.Fresh.String(): "fresh",
		revocation.Stale.String(): "stale", revocation.Future.String(): "future",
		revocation.Freshness(9).String(): "freshness 9",
	} {
		if got != want {
			t.Errorf("String: got %q, want %q", got, want)
		}
	}
}
