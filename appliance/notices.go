package appliance

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"sync"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/appliance/notice"
	"gatehouse/authcore/saml/pair"
	"gatehouse/authcore/snapshot"
	"gatehouse/webui"
)

// A notePlan is what the Snapshot in force has to say about ends. It is made once a Snapshot,
// for lists may be large.
type notePlan struct {
	mu   sync.Mutex
	of   *snapshot.Snapshot
	plan *notice.Plan
}

func (a *Appliance) makeNotices() error {
	a.notices = notice.New(notice.Config{
		Logger: a.config.Logger.With("part", "notice"), Journal: a.journal, Clock: a.clock.Now,
		Plan: a.notePlan, Node: a.config.Boot.Node.ID, URL: a.config.Boot.Node.URL,
	})
	a.counters.ends = func(b *bytes.Buffer) { writeEnds(b, a.ends()); a.noticeMetrics(b) }
	return nil
}

// notePlan returns the plan in force, or nil.
func (a *Appliance) notePlan() *notice.Plan {
	sn := a.holder.Load()
	a.noted.mu.Lock()
	defer a.noted.mu.Unlock()
	if sn == nil || a.noted.of == sn {
		return a.noted.plan
	}
	a.noted.of = sn
	a.noted.plan = &notice.Plan{Notices: sn.Policy().Notices, Items: whatEnds(sn)}
	return a.noted.plan
}

// whatEnds lists everything in sn that has an end.
func whatEnds(sn *snapshot.Snapshot) []notice.Item {
	var items []notice.Item
	add := func(kind notice.Kind, name, page string, c *x509.Certificate) {
		items = append(items, notice.Item{
			Kind: kind, Name: name, Subject: c.Subject.CommonName, Page: page,
			Fingerprint: sha256.Sum256(c.Raw), NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		})
	}
	draft := sn.Draft()
	for _, credential := range draft.Credentials {
		for _, der := range credential.TLS.Certificate {
			if c, err := x509.ParseCertificate(der); err == nil { // the loader has refused others
				add(notice.Server, credential.Name, "/setup", c)
			}
		}
	}
	for _, ca := range draft.CAs {
		page := "/setup/ca/" + ca.Name
		for _, c := range ca.Anchors {
			add(notice.CA, ca.Name, page, c)
		}
		for _, c := range ca.Intermediates {
			add(notice.CA, ca.Name, page, c)
		}
		for i := range ca.Lists {
			list := &ca.Lists[i]
			items = append(items, notice.Item{
				Kind: notice.CRL, Name: ca.Name, Page: page, Fingerprint: sha256.Sum256(list.DER),
				NotBefore: thisUpdate(list.DER), NotAfter: list.NextUpdate,
			})
		}
	}
	for _, app := range draft.Apps {
		for _, slot := range []pair.Slot{app.Pairs.Active, app.Pairs.Next} {
			if p, ok := slot.Pair(); ok {
				add(notice.SAML, app.Name, "/setup/saml/"+app.Name+"/do/regenerate", p.Certificate)
				items[len(items)-1].Notify = app.Notify
			}
		}
	}
	if draft.IDP != nil && len(draft.IDP.TLS.Certificate) > 0 {
		if c, err := x509.ParseCertificate(draft.IDP.TLS.Certificate[0]); err == nil {
			add(notice.Server, "saml/idp", "/setup/saml", c)
		}
	}
	return items
}

// thisUpdate returns when a list was made (RFC 5280 §5.1.2.4), without reading what is in it; the
// zero Time if that cannot be told.
func thisUpdate(der []byte) time.Time {
	in := cryptobyte.String(der)
	var list, tbs cryptobyte.String
	if !in.ReadASN1(&list, asn1.SEQUENCE) || !list.ReadASN1(&tbs, asn1.SEQUENCE) ||
		!tbs.SkipOptionalASN1(asn1.INTEGER) || // version
		!tbs.SkipASN1(asn1.SEQUENCE) || // signature
		!tbs.SkipASN1(asn1.SEQUENCE) { // issuer
		return time.Time{}
	}
	var t time.Time
	ok := false
	if tbs.PeekASN1Tag(asn1.UTCTime) {
		ok = tbs.ReadASN1UTCTime(&t)
	} else {
		ok = tbs.ReadASN1GeneralizedTime(&t)
	}
	if !ok {
		return time.Time{}
	}
	return t
}

// An end is when the first of a kind and name ends.
type end struct {
	kind, name string
	at         time.Time
}

// ends lists when what is in force ends, once a kind and name.
func (a *Appliance) ends() []end {
	plan := a.notePlan()
	if plan == nil {
		return nil
	}
	var list []end
	index := map[[2]string]int{}
	for _, i := range plan.Items {
		key := [2]string{string(i.Kind), i.Name}
		at, ok := index[key]
		if !ok {
			index[key] = len(list)
			list = append(list, end{key[0], key[1], i.NotAfter})
		} else if i.NotAfter.Before(list[at].at) {
			list[at].at = i.NotAfter
		}
	}
	return list
}

// writeEnds writes all of them under one name, and those that people ask for most under their own.
func writeEnds(b *bytes.Buffer, ends []end) {
	for _, e := range ends {
		fmt.Fprintf(b, "gatehouse_certificate_not_after_seconds{kind=%q,name=%q} %d\n", e.kind, e.name, e.at.Unix())
	}
	for _, e := range ends {
		switch notice.Kind(e.kind) {
		case notice.CA:
			fmt.Fprintf(b, "gatehouse_ca_not_after_seconds{name=%q} %d\n", e.name, e.at.Unix())
		case notice.SAML:
			fmt.Fprintf(b, "gatehouse_saml_certificate_not_after_seconds{name=%q} %d\n", e.name, e.at.Unix())
		}
	}
}

// noticeMetrics says how telling people goes.
func (a *Appliance) noticeMetrics(b *bytes.Buffer) {
	s := a.notices.Status()
	fmt.Fprintf(b, "gatehouse_notices_paused %d\n", boolean(s.Paused != ""))
	for _, c := range s.Channels {
		fmt.Fprintf(b, "gatehouse_notices_waiting{channel=%q} %d\ngatehouse_notices_failures{channel=%q} %d\n",
			c.Name, c.Waiting, c.Name, c.Failures)
	}
}

// expiring lists what ends soon, for status.
func (a *Appliance) expiring() []webui.Expiring {
	list := []webui.Expiring{}
	if plan := a.notePlan(); plan != nil {
		now, _ := a.clock.Now()
		for _, e := range notice.Soon(plan.Items, now, plan.Notices.Days, a.config.Boot.Node.URL) {
			list = append(list, webui.Expiring{Kind: string(e.Kind), Name: e.Name, Subject: e.Subject,
				Fingerprint: e.Fingerprint, NotAfter: e.NotAfter, Days: e.Days, Text: e.Text,
				Remedy: e.Remedy, Link: e.Link, LinkText: e.LinkText})
		}
	}
	return list
}

func (a *Appliance) noticeStatus() webui.Notices {
	s := a.notices.Status()
	n := webui.Notices{Checked: s.Checked, Paused: s.Paused, Channels: []webui.NoticeChannel{}}
	for _, c := range s.Channels {
		n.Channels = append(n.Channels, webui.NoticeChannel(c))
	}
	return n
}
