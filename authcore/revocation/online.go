package revocation

import "time"

// A Session is one accept that a certificate was good for.
type Session struct {
	Time                               time.Time
	User, Station, Client, NAS, Server string
}

// A Withdrawal tells that a certificate by which somebody was accepted has been revoked.
type Withdrawal struct {
	Key      Key
	CA       string
	Answer   Answer
	Sessions []Session // those by this certificate, or by one that it issued; the last ones
}
