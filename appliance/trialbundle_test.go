package appliance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/authcore/pki/lab"
)

// TestBundleOnTrial has a gateway take a bundle that works, one that is valid and keeps devices
// from signing in, and one that removes people on purpose: the second is rolled back by itself,
// and says why; the third stays, and says how many it refuses.
func TestBundleOnTrial(t *testing.T) {
	t.Parallel()
	s, p := newSite(t), newPublisher(t)
	p.trust(s)
	office := headOffice(s)
	s.start()
	bob := station{leaf: s.user(lab.UserOptions{Kind: lab.EmailSAN, Identity: "bob@acme.example"})}

	s.arrives(p, office, 1)
	s.applied("applied", 1)
	s.accept(bob)
	s.accept(s.alice())

	works := string(must(os.ReadFile(filepath.Join(office.dir, "policy.yaml")))(t))
	office.write("policy.yaml", "revocation: {ocsp: off}\neap: {fragment_size: 100}\n")
	good := office.serverCA
	office.serverCA = chainOf(t, office.serverCA, 10)
	office.writeServer("rsa", lab.RSA2048)
	s.arrives(p, office, 2)
	s.applied("rolled_back", 1)
	why := s.appliance.Status().Bundle.Refused.Text
	for _, want := range []string{"did not work", `RADIUS server "wifi"`, `credential "rsa"`, "no end after"} {
		if !strings.Contains(why, want) {
			t.Errorf("got %q, want %q in it", why, want)
		}
	}
	s.accept(bob)

	office.write("policy.yaml", works)
	office.serverCA = good
	office.writeServer("rsa", lab.RSA2048)
	office.write("users/staff.yaml", aliceAnd("carol"))
	s.arrives(p, office, 3)
	s.applied("applied", 2)
	if v := s.appliance.Status().Bundle.InForce; v == nil || v.Serial != 3 || v.Looked != 2 || v.Refused != 1 {
		t.Errorf("got %+v in force, want serial 3 that refuses 1 of 2", v)
	}
	s.reject(bob, "user_unknown")
}

// arrives puts what office has into incoming/, as a bundle.
func (s *site) arrives(p *publisher, office *site, serial uint64) {
	s.t.Helper()
	archive, signature := p.build(office.dir, serial)
	name := filepath.Join(s.state, "incoming", fmt.Sprintf("branch-%d.tar.gz", serial))
	for _, file := range []struct {
		name string
		data []byte
	}{{name, archive}, {name + ".minisig", signature}} {
		if err := os.WriteFile(file.name, file.data, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// applied waits until so many bundles have ended that way.
func (s *site) applied(result string, count int) {
	s.t.Helper()
	want := fmt.Sprintf("gatehouse_bundle_apply_total{result=%q} %d\n", result, count)
	s.eventually(fmt.Sprintf("%d %s", count, result), func() bool { return strings.Contains(s.scrape(), want) })
}
