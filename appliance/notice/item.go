package notice

import (
	"bytes"
	"crypto/sha256"
	"math"
	"slices"
	"sort"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
)

// A Kind says what expires.
type Kind string

// The kinds.
const (
	CA     Kind = "ca"     // a certificate that may vouch for users
	Server Kind = "server" // an EAP server credential, or a certificate of its chain
	CRL    Kind = "crl"    // a certificate revocation list in a file
	SAML   Kind = "saml"   // of an app's pair
)

// An Item is one thing of the configuration that ends. Fingerprint tells it from all others: an
// Item that stands in the configuration twice is told once.
type Item struct {
	Kind        Kind
	Name        string // of the object in the configuration that it belongs to
	Subject     string // by what name people know it; empty: by Name alone
	Fingerprint [sha256.Size]byte
	NotBefore   time.Time // of a list: when it was made; zero: unknown
	NotAfter    time.Time // of a list: when the next one is due
	Page        string    // path below node.url of the page that mends it
	Notify      []string  // mail addresses of people who are told about this besides
}

const day = 24 * time.Hour

// Stages of an Item are the days of policy.yaml that it has reached, and these.
const (
	expired = 0  // it has ended
	early   = -1 // nothing is to be told yet
)

// stage returns the most urgent of days that i has reached at now.
//
// Days before which i did not exist are left out, or every new certificate would be told about
// on the day that it is made. Lists are made anew all the time, so theirs count only in the
// second half of their life.
func (i *Item) stage(now time.Time, days []int) int {
	if len(days) == 0 {
		return early // off
	}
	left := i.NotAfter.Sub(now)
	if left <= 0 {
		return expired
	}
	life := time.Duration(math.MaxInt64)
	if !i.NotBefore.IsZero() {
		life = i.NotAfter.Sub(i.NotBefore)
	}
	if i.Kind == CRL {
		life = life/2 + 1
	}
	stage := early
	for _, d := range days {
		span := time.Duration(d) * day
		if d > 0 && left <= span && span < life && (stage == early || d < stage) {
			stage = d
		}
	}
	return stage
}

// reached reports whether i is at stage or beyond at now, give or take the day by which a clock
// may be put right.
func (i *Item) reached(now time.Time, stage int) bool {
	return i.NotAfter.Sub(now) <= time.Duration(stage)*day+day
}

// daysLeft returns the whole days that are left of i: 0 is less than a day. What has ended has -1
// on the first day, -2 on the next.
func (i *Item) daysLeft(now time.Time) int {
	left := i.NotAfter.Sub(now)
	if left <= 0 {
		return -1 - int(-left/day)
	}
	return int(left / day)
}

// clean returns i with its texts as they may be shown anywhere.
func (i Item) clean() Item {
	i.Name, i.Subject = audit.Printable(i.Name), audit.Printable(i.Subject)
	return i
}

// unique returns items, of those with one fingerprint the first, with whom any of them names;
// soonest end first, and at most maxItems.
func unique(items []Item) []Item {
	seen := make(map[[sha256.Size]byte]int, len(items))
	var list []Item
	for _, i := range items {
		if at, ok := seen[i.Fingerprint]; ok {
			list[at].Notify = slices.Concat(list[at].Notify, i.Notify)
			continue
		}
		seen[i.Fingerprint] = len(list)
		list = append(list, i.clean())
	}
	sort.SliceStable(list, func(i, j int) bool {
		a, b := &list[i], &list[j]
		if c := a.NotAfter.Compare(b.NotAfter); c != 0 {
			return c < 0
		}
		return bytes.Compare(a.Fingerprint[:], b.Fingerprint[:]) < 0
	})
	return list[:min(len(list), maxItems)]
}

// An Expiring is an Item that ends soon or has ended, for people and programs.
type Expiring struct {
	Kind        Kind      `json:"kind"`
	Name        string    `json:"name"`
	Subject     string    `json:"subject,omitempty"`
	Fingerprint string    `json:"fingerprint"` // SHA-256, lower hex
	NotAfter    time.Time `json:"not_after"`
	Days        int       `json:"days"` // whole days left; -1 and below: expired
	Text        string    `json:"text"` // what, and when
	Remedy      string    `json:"remedy"`
	Link        string    `json:"link,omitempty"` // to the page that mends it
	LinkText    string    `json:"link_text,omitempty"`
}

// Soon returns those of items that end within 60 days, or the largest of days if that is more,
// and those that have ended: soonest end first, and at most 100. What lasts for less than that in
// all is there from the next stage on. url is node.url.
func Soon(items []Item, now time.Time, days []int, url string) []Expiring {
	days = append(policy.Default().Notices.Days, days...)
	list := []Expiring{}
	for _, i := range unique(items) {
		if i.stage(now, days) != early && len(list) < maxSoon {
			list = append(list, i.expiring(now, url))
		}
	}
	return list
}
