package webui

import "time"

// An Expiring is a certificate or list of the configuration that ends soon or has ended.
type Expiring struct {
	Kind        string    `json:"kind"` // ca, server, crl or saml
	Name        string    `json:"name"`
	Subject     string    `json:"subject,omitempty"`
	Fingerprint string    `json:"fingerprint"` // SHA-256, lower hex
	NotAfter    time.Time `json:"not_after"`
	Days        int       `json:"days"` // whole days left; -1 and below: expired
	Text        string    `json:"text"`
	Remedy      string    `json:"remedy"`
	Link        string    `json:"link,omitempty"` // to the page that mends it
	LinkText    string    `json:"link_text,omitempty"`
}

// Notices is how telling people of that is doing.
type Notices struct {
	Checked  time.Time       `json:"checked,omitzero"` // by the guarded clock
	Paused   string          `json:"paused,omitempty"` // why nothing is sent
	Channels []NoticeChannel `json:"channels"`
}

// A NoticeChannel is one way to people.
type NoticeChannel struct {
	Name     string    `json:"name"` // log, webhook or mail
	Sent     int       `json:"sent"` // notices, in this run
	Last     time.Time `json:"last,omitzero"`
	Waiting  int       `json:"waiting"` // notices that are due and not sent
	Problem  string    `json:"problem,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	RetryS   int       `json:"retry_s,omitempty"`  // seconds between the tries
	Failures int       `json:"failures,omitempty"` // in a row
}

// A Syslog is how sending the log to a collector is doing.
type Syslog struct {
	Collector string    `json:"collector"` // TRANSPORT://HOST:PORT
	Connected bool      `json:"connected"`
	Since     time.Time `json:"since,omitzero"` // when that changed
	Problem   string    `json:"problem,omitempty"`
	Sent      uint64    `json:"sent"`    // messages, in this run
	Waiting   int       `json:"waiting"` // messages
	Dropped   uint64    `json:"dropped"` // messages that found no room, in this run
}

// A Heartbeat is how telling the fleet manager that this gateway lives is doing.
type Heartbeat struct {
	Address     string    `json:"address"`               // without its path, which may be a secret
	LastSuccess time.Time `json:"last_success,omitzero"` // zero: none in this run
	Next        time.Time `json:"next,omitzero"`
	Problem     string    `json:"problem,omitempty"`
	Sent        uint64    `json:"sent"`     // in this run
	Failures    uint64    `json:"failures"` // in this run
}
