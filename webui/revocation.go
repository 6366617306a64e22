package webui

import (
	"time"

	"gatehouse/authcore/revocation"
)

// A Revocation is how revocation is doing, and whom it met on-line.
type Revocation struct {
	revocation.Report
	Standings []StandingCount `json:"standings"` // decisions since the start
	Withdrawn []Withdrawal    `json:"withdrawn"` // since the start, the last ones
}

// A StandingCount is how many decisions went by an answer of a kind, as in the log's fields ocsp
// and ocsp_source.
type StandingCount struct {
	Status string `json:"status"`
	Source string `json:"source,omitempty"`
	Count  uint64 `json:"count"`
}

// A Withdrawal is a certificate that was revoked after somebody had been accepted by it.
type Withdrawal struct {
	Time      time.Time       `json:"time"`
	Serial    string          `json:"serial"` // hexadecimal
	CA        string          `json:"ca"`
	RevokedAt time.Time       `json:"revoked_at"`
	Why       string          `json:"why,omitempty"`
	Sessions  []OnlineSession `json:"sessions"`
}

// An OnlineSession is an accept that such a certificate was good for.
type OnlineSession struct {
	Time    time.Time `json:"time"`
	User    string    `json:"user"`
	Station string    `json:"station"`
	Client  string    `json:"client"`
	NAS     string    `json:"nas"`
	Server  string    `json:"server"`
}
