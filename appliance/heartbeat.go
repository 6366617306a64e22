package appliance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"gatehouse/appliance/heartbeat"
	"gatehouse/appliance/webhook"
	"gatehouse/authcore/audit"
	"gatehouse/webui"
)

// openHeartbeat makes the one who says how this gateway is doing, if fleet.heartbeat.url says to
// whom.
func (a *Appliance) openHeartbeat() error {
	fleet := &a.config.Boot.Fleet
	if fleet.Heartbeat.URL == "" {
		return nil
	}
	pool, err := a.readRoots("fleet.heartbeat.ca", fleet.Heartbeat.CA)
	if err != nil {
		return err
	}
	where := "" // the host alone: the rest may be a token
	if u, err := url.Parse(fleet.Heartbeat.URL); err == nil {
		where = u.Scheme + "://" + u.Host
	}
	a.heartbeat = heartbeat.New(heartbeat.Config{
		Poster: webhook.New(webhook.Config{URL: fleet.Heartbeat.URL, CA: pool, Proxy: fleet.Pull.Proxy,
			Now: a.fetchTime}),
		Interval: fleet.Heartbeat.Interval, Where: where, Now: a.config.Now,
		Body:   func() ([]byte, error) { return json.Marshal(a.heartbeatBody()) },
		Logger: a.config.Logger.With("part", "heartbeat"),
	})
	a.counters.heartbeat = a.heartbeatMetrics
	return nil
}

// A heartbeatBody is what is posted: how the gateway is doing, in counts and names of what fleet
// managers made. It names no person, and holds no secret.
type heartbeatBody struct {
	Type       string            `json:"type"` // heartbeat
	ID         string            `json:"id"`   // node.id
	Version    string            `json:"version"`
	Time       time.Time         `json:"time"`
	TimeSure   bool              `json:"time_sure"` // the clock is believed
	Started    time.Time         `json:"started"`
	Ready      bool              `json:"ready"`            // RADIUS is served
	Reason     string            `json:"reason,omitempty"` // why not
	Generation uint64            `json:"generation"`
	Bundle     *heartbeatBundle  `json:"bundle"`  // null: loose files count, or nothing does
	Refused    *heartbeatRefusal `json:"refused"` // the last one; null: none
	Expiring   heartbeatExpiring `json:"expiring"`
	Counters   heartbeatCounters `json:"counters"`
}

type heartbeatBundle struct {
	BundleID  string    `json:"bundle_id"`
	Serial    uint64    `json:"serial"`
	SHA256    string    `json:"sha256"`
	Signer    string    `json:"signer"` // number of the key
	Since     time.Time `json:"since"`
	Confirmed bool      `json:"confirmed"`
	Expires   time.Time `json:"expires,omitzero"`
	Expired   bool      `json:"expired"`
}

type heartbeatRefusal struct {
	At     time.Time `json:"at"`
	Code   string    `json:"code"`
	SHA256 string    `json:"sha256,omitempty"`
	Serial uint64    `json:"serial,omitempty"`
}

// heartbeatExpiring counts certificates and lists by when they end, and names the first.
type heartbeatExpiring struct {
	Expired int           `json:"expired"`
	Week    int           `json:"within_7_days"`  // without those that have expired
	Month   int           `json:"within_30_days"` // likewise
	First   *heartbeatEnd `json:"first"`          // null: nothing has an end
}

type heartbeatEnd struct {
	Kind     string    `json:"kind"`
	Name     string    `json:"name"`
	NotAfter time.Time `json:"not_after"`
}

// heartbeatCounters count since Started.
type heartbeatCounters struct {
	Results map[audit.Result]uint64 `json:"results"`
	Rejects map[audit.Reason]uint64 `json:"rejects"` // by reason
	Bundles map[string]uint64       `json:"bundles"` // by what became of them
}

func (a *Appliance) heartbeatBody() heartbeatBody {
	now, sure := a.clock.Now()
	report, state := a.Report(), a.reconciler.Bundles()
	b := heartbeatBody{
		Type: "heartbeat", ID: a.config.Boot.Node.ID, Version: a.config.Version,
		Time: now.UTC(), TimeSure: sure, Started: a.started.UTC(),
		Ready: report.Ready, Reason: report.Reason, Generation: report.Generation,
		Expiring: summary(a.ends(), now), Counters: heartbeatCounters{Bundles: state.Settled},
	}
	b.Counters.Results, b.Counters.Rejects = a.counters.totals()
	if v, ok := state.Version(); ok {
		b.Bundle = &heartbeatBundle{BundleID: v.BundleID, Serial: v.Serial, SHA256: v.SHA256,
			Signer: v.SignerID, Since: v.Since, Confirmed: v.Confirmed,
			Expires: v.Expires, Expired: a.isExpired(v.VersionRecord)}
	}
	if r := state.Refused; r != nil {
		b.Refused = &heartbeatRefusal{At: r.At, Code: string(r.Code), SHA256: r.SHA256, Serial: r.Serial}
	}
	return b
}

// summary counts ends, as seen at now.
func summary(ends []end, now time.Time) heartbeatExpiring {
	const day = 24 * time.Hour
	var s heartbeatExpiring
	for _, e := range ends {
		if s.First == nil || e.at.Before(s.First.NotAfter) {
			s.First = &heartbeatEnd{Kind: e.kind, Name: e.name, NotAfter: e.at}
		}
		left := e.at.Sub(now)
		if left < 0 {
			s.Expired++
			continue
		}
		if left < 7*day {
			s.Week++
		}
		if left < 30*day {
			s.Month++
		}
	}
	return s
}

func (a *Appliance) heartbeatStatus() *webui.Heartbeat {
	if a.heartbeat == nil {
		return nil
	}
	s := webui.Heartbeat(a.heartbeat.Status())
	return &s
}

func (a *Appliance) heartbeatMetrics(b *bytes.Buffer) {
	s := a.heartbeat.Status()
	fmt.Fprintf(b, "gatehouse_heartbeat_failing %d\n"+
		"gatehouse_heartbeat_sent_total %d\ngatehouse_heartbeat_failures_total %d\n",
		boolean(s.Problem != ""), s.Sent, s.Failures)
}
