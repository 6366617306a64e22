package appliance_test

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/supplicant"
	"gatehouse/sync/bundle"
	"gatehouse/webui"
)

// The directory that changes under load has so many files of so many users each, and alice.
const (
	departments   = 10
	perDepartment = 1000
)

const (
	// loadRate is how many sign-ins begin a second: a tenth of what two cores carry, client and
	// server, when nothing changes.
	loadRate = 40
	// inForceWithin is how long a change may take until it is in force.
	inForceWithin = 30 * time.Second
)

// A drill changes the configuration of the finished program while devices sign in, in rounds
// between which they sign in and nothing changes.
type drill struct {
	*program
	device supplicant.Config
	round  time.Duration

	changes int                         // made so far
	settled footprint                   // after the first of them
	rounds  [2][]*supplicant.LoadReport // calm, busy
}

const (
	calm = iota
	busy
)

// newDrill starts the program on a directory of many users.
func newDrill(t testing.TB, round time.Duration, prepare ...func(*site)) *drill {
	t.Helper()
	s := newSite(t)
	s.populate()
	for _, do := range prepare {
		do(s)
	}
	d := &drill{program: s.startProgram(), round: round}
	d.device = s.childDevice(s.user(lab.UserOptions{}), 1)
	d.device.RootCAs = x509.NewCertPool()
	d.device.RootCAs.AddCert(s.serverCA.Certificate)
	d.device.TLSMax = 0
	d.device.Timeout, d.device.Retries = 10*time.Second, -1 // whatever is lost is a failure
	return d
}

// populate writes the users, and a second CA that the RADIUS server trusts.
func (s *site) populate() {
	s.t.Helper()
	for n := range departments {
		s.write(department(n, 0))
	}
	s.write("ca/second.pem", secondCA(s.t, 0))
	radius := must(os.ReadFile(filepath.Join(s.dir, "radius", "wifi.yaml")))(s.t)
	s.write("radius/wifi.yaml", strings.Replace(string(radius), "[acme]", "[acme, second]", 1))
}

func secondCA(t testing.TB, n int) string {
	t.Helper()
	ca := must(lab.NewCA(lab.CAOptions{Name: fmt.Sprintf("Second CA %d", n)}))(t)
	return string(ca.CertificatePEM())
}

// department returns the name and content of a file of users, with so many more than at first.
func department(n, more int) (name, content string) {
	var b strings.Builder
	for i := range perDepartment + more {
		fmt.Fprintf(&b, "- {username: user-%d-%05d, email: user-%d-%05d@acme.example, "+
			"name: \"Person Number %d\", groups: [staff, department-%d]}\n", n, i, n, i, i, n)
	}
	return fmt.Sprintf("users/department-%d.yaml", n), b.String()
}

// nthChange makes the nth change, from 1 on, and returns how many users there are then: one more
// than before. Some changes are also about a CA, a credential or a client.
func (s *site) nthChange(n int) (users int) {
	s.t.Helper()
	name, content := department(n%departments, (n+departments-1)/departments)
	var files []string
	switch n % departments {
	case 3:
		files = append(files, "ca/second.pem", secondCA(s.t, n))
	case 6:
		names := lab.ServerOptions{DNSNames: []string{"radius.acme.example"}}
		leaf := must(s.serverCA.IssueServer(names))(s.t)
		files = append(files, "server/ecdsa/certificate.pem", string(leaf.CertificatePEM()),
			"server/ecdsa/key.pem", string(leaf.KeyPEM()))
	case 9:
		radius := string(must(os.ReadFile(filepath.Join(s.dir, "radius", "wifi.yaml")))(s.t))
		files = append(files, "radius/wifi.yaml", fmt.Sprintf(
			"%s  - {name: more-%d, address: 10.0.%d.0/24, secret: %q}\n", radius, n, n%256, sharedSecret))
	}
	s.rename(append(files, name, content)...) // the users last: they tell that it is all there
	return departments*perDepartment + 1 + n
}

// rename puts files, pairs of name and content, into the places of others by renames, one right
// after the other.
func (s *site) rename(pairs ...string) {
	s.t.Helper()
	hidden := func(name string) string {
		return filepath.Join(filepath.Dir(name), ".new-"+filepath.Base(name))
	}
	for pair := range slices.Chunk(pairs, 2) {
		s.write(hidden(pair[0]), pair[1])
	}
	for pair := range slices.Chunk(pairs, 2) {
		from, to := filepath.Join(s.dir, hidden(pair[0])), filepath.Join(s.dir, pair[0])
		if err := os.Rename(from, to); err != nil {
			s.t.Fatal(err)
		}
	}
}

// reload changes the directory and waits until that is in force.
func (d *drill) reload() {
	d.t.Helper()
	d.changes++
	before := d.metric("gatehouse_generation")
	users := d.nthChange(d.changes)
	d.eventually(fmt.Sprintf("change %d in force", d.changes), inForceWithin, func() bool {
		return d.metric("gatehouse_generation") > before && d.inForce().Configuration.Users == users
	})
}

func (d *drill) inForce() webui.Status {
	d.t.Helper()
	return must(d.status())(d.t)
}

// A press makes bundles of a directory that changes.
type press struct {
	office  *site
	key     bundle.SigningKey
	serial  uint64
	printed []printed
}

type printed struct {
	archive, signature []byte
	serial             uint64
	users              int
}

func newPress(s *site) *press {
	s.t.Helper()
	p := &press{office: headOffice(s), key: must(bundle.GenerateKey())(s.t)}
	p.office.writeServer("ecdsa", lab.P256)
	p.office.write("users/staff.yaml", "- {username: alice, email: alice@acme.example}\n")
	p.office.populate()
	s.write("fleet.pub", string(p.key.Trusted("fleet").Text()))
	return p
}

// print makes bundles in stock: while a load runs that would take its CPU.
func (p *press) print(count int) {
	t := p.office.t
	t.Helper()
	for range count {
		p.serial++
		users := p.office.nthChange(int(p.serial))
		options := bundle.BuildOptions{ID: "branch", Serial: p.serial, AllowPlain: true}
		b := must(bundle.Build(os.DirFS(p.office.dir), options))(t)
		signature := must(p.key.Sign(bytes.NewReader(b.Archive), b.Manifest.Comment()))(t)
		p.printed = append(p.printed, printed{b.Archive, signature, p.serial, users})
	}
}

// next takes a bundle out of stock.
func (p *press) next() printed {
	if len(p.printed) == 0 {
		p.print(1)
	}
	next := p.printed[0]
	p.printed = p.printed[1:]
	return next
}

// activate brings the next bundle and waits until it is in force and has passed its trial.
func (d *drill) activate(p *press) {
	d.t.Helper()
	d.changes++
	next := p.next()
	const applied = `gatehouse_bundle_apply_total{result="applied"}`
	before := d.metric(applied)
	incoming := &site{t: d.t, dir: filepath.Join(d.state, "incoming")}
	incoming.rename("branch.tar.gz", string(next.archive),
		"branch.tar.gz.minisig", string(next.signature))
	d.eventually(fmt.Sprintf("serial %d in force", next.serial), inForceWithin, func() bool {
		if d.metric(applied) <= before {
			return false
		}
		now := d.inForce()
		b := now.Bundle.InForce
		return b != nil && b.Serial == next.serial && b.Confirmed &&
			now.Configuration.Users == next.users
	})
}

// run makes changes until there were so many, in rounds, and demands that not one sign-in fails,
// and that the program is no larger at the end than it was after the first of them. stock is
// called before each round that changes something.
func (d *drill) run(total, first int, stock, change func()) {
	d.t.Helper()
	began := d.inForce().Configuration.Generation
	d.settled = footprint{}
	made := 0
	for n := 0; made < total; n++ {
		stock()
		for i := range 2 {
			if i = (i + n) % 2; i == calm { // nobody is always first
				d.load(calm, nil)
				continue
			}
			d.load(busy, func() { change(); made++ })
			if made >= first && d.settled == (footprint{}) {
				d.settled = d.footprint()
			}
		}
	}
	if got := d.inForce().Configuration.Generation - began; got < uint64(made) {
		d.t.Errorf("%d changes made %d generations", made, got)
	}
	d.flat()
}

// load signs devices in for one round, and has change called over and over meanwhile.
func (d *drill) load(kind int, change func()) {
	d.t.Helper()
	load, err := supplicant.NewLoad(supplicant.LoadConfig{
		Config: d.device, Rate: loadRate, Parallel: 4 * loadRate, Duration: d.round})
	if err != nil {
		d.t.Fatal(err)
	}
	ended := make(chan *supplicant.LoadReport, 1)
	go func() { ended <- load.Run(d.t.Context()) }()
	for change != nil && len(ended) == 0 {
		change()
	}
	report := <-ended
	d.rounds[kind] = append(d.rounds[kind], report)
	if !report.OK() || report.Missed > 0 {
		d.t.Errorf("of %d sign-ins: %+v, %d not begun in time: %v, %v",
			report.Finished, report.LoadCounts, report.Missed, report.Reasons, report.Rules)
	}
}

// flat compares what the program takes with what it took after the first changes.
func (d *drill) flat() {
	d.t.Helper()
	now := d.footprint()
	before := d.settled
	d.t.Logf("after the first changes: %v\nat the end: %v; %.1f MiB at the peak",
		before, now, d.resident("VmHWM"))
	if now.heap > 1.25*before.heap+2 || now.resident > 1.25*before.resident+8 ||
		now.goroutines > before.goroutines+8 {
		d.t.Errorf("it grew from %v to %v", before, now)
	}
}

// of returns a figure of every round of a kind.
func (d *drill) of(kind int, figure func(*supplicant.LoadReport) float64) (all []float64) {
	for _, report := range d.rounds[kind] {
		all = append(all, figure(report))
	}
	return all
}
