package webui

import (
	"net/netip"
	"time"
)

// A Status is how the gateway is doing: what `gatehouse status` and the Status page show.
type Status struct {
	Ready         bool          `json:"ready"`
	Reason        string        `json:"reason,omitempty"` // why not ready
	Detail        string        `json:"detail,omitempty"`
	Node          string        `json:"node"`
	Version       string        `json:"version"`
	Started       time.Time     `json:"started"`
	Fingerprint   string        `json:"web_fingerprint,omitempty"` // SHA-256 of the pages' certificate, as browsers show it
	Configuration Configuration `json:"configuration"`
	Bundle        Bundle        `json:"bundle"`
	RADIUS        RADIUS        `json:"radius"`
	Store         Store         `json:"store"`
	Journal       Journal       `json:"journal"`
	Clock         Clock         `json:"clock"`
	Revocation    Revocation    `json:"revocation"`
	Memory        Memory        `json:"memory"`
	Expiring      []Expiring    `json:"expiring"` // soonest end first, at most 100
	Notices       Notices       `json:"notices"`
	Syslog        *Syslog       `json:"syslog,omitempty"`    // nil: off
	Heartbeat     *Heartbeat    `json:"heartbeat,omitempty"` // nil: off
	// Lights and LastHour are filled in when the API is asked.
	Lights   []Light   `json:"lights,omitempty"`
	LastHour *LastHour `json:"last_hour,omitempty"`
}

// A Configuration is what is in force, and what was found when it was read last.
type Configuration struct {
	Generation uint64    `json:"generation"` // 0: none is in force
	Read       time.Time `json:"read"`
	Users      int       `json:"users"`
	Servers    []string  `json:"servers"`
	Problems   []Problem `json:"problems"`
}

// A Problem is one finding of `gatehouse check`.
type Problem struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Severity string `json:"severity"`
	Object   string `json:"object,omitempty"`
	Text     string `json:"text"`
	Remedy   string `json:"remedy,omitempty"`
	Effect   string `json:"effect,omitempty"`
}

// RADIUS is what the RADIUS port counted since the start of the process.
type RADIUS struct {
	Address       string            `json:"address,omitempty"` // empty: off
	Requests      uint64            `json:"requests"`
	Responses     map[string]uint64 `json:"responses"`
	Discards      map[string]uint64 `json:"discards"`
	Duplicates    uint64            `json:"duplicates"`
	StatusServer  uint64            `json:"status_server"`
	Panics        uint64            `json:"panics"`
	Conversations int               `json:"conversations"` // under way
	Delayed       int               `json:"delayed"`
	Unknown       []UnknownSource   `json:"unknown_sources"`
	WrongSecrets  []WrongSecret     `json:"wrong_secrets"`
	Heard         []HeardClient     `json:"heard"` // clients that were believed
}

// An UnknownSource is an address that asks and is nobody's client.
type UnknownSource struct {
	Address netip.Addr `json:"address"`
	Count   uint64     `json:"count"`
	Last    time.Time  `json:"last"`
}

// A WrongSecret is a client whose Message-Authenticator does not verify.
type WrongSecret struct {
	Server  string     `json:"server"`
	Client  string     `json:"client"`
	Address netip.Addr `json:"address"`
	Count   uint64     `json:"count"`
	Last    time.Time  `json:"last"`
}

// A Journal is the file of what must never be forgotten.
type Journal struct {
	Red    bool   `json:"red"`              // it cannot be relied on
	Reason string `json:"reason,omitempty"` // why not
}

// A Store is the database with the users.
type Store struct {
	Mode         string    `json:"mode"`             // disk or memory
	Red          bool      `json:"red"`              // in memory because the disk cannot be used
	Reason       string    `json:"reason,omitempty"` // why it is red
	Since        time.Time `json:"since"`            // when the mode began
	Rebuilt      int       `json:"rebuilt"`          // times that it was damaged, in this run
	RebuiltWhy   string    `json:"rebuilt_why,omitempty"`
	Bytes        int64     `json:"bytes"`           // on the disk
	Records      int64     `json:"records_written"` // in this run
	BytesWritten int64     `json:"bytes_written"`   // of them, before compaction
	Users        int       `json:"users"`           // in force
}

// Memory is what the process holds, in bytes.
type Memory struct {
	Heap       uint64 `json:"heap"`
	Runtime    uint64 `json:"runtime"` // all that the Go runtime got from the system
	Limit      int64  `json:"limit"`   // GOMEMLIMIT; 0: none
	Goroutines int    `json:"goroutines"`
}
