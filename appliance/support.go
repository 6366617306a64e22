package appliance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"

	"gatehouse/appliance/journal"
	"gatehouse/appliance/support"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/load"
	"gatehouse/webui"
)

const (
	// supportTime bounds the making of a support bundle.
	supportTime = 15 * time.Second
	// supportDecisions is how many of the last decisions are in it.
	supportDecisions = 500
)

const supportReadme = `What is in here was made by "gatehouse support-bundle" for whoever looks for a fault.

Secrets are left out: shared secrets, passwords and their hashes, tokens, keys, one-time codes. The
configuration is an outline without comments, in which [redacted] stands for a value that is not shown.
Users are left out; names of people, devices and access points stand in decisions.json. Look through it
before you send it, and send it to people you trust.
`

// supportAPI is what the API asks for a support bundle.
func (a *Appliance) supportAPI() webui.Support {
	one := make(chan struct{}, 1)
	return func(ctx context.Context) ([]byte, error) {
		select {
		case one <- struct{}{}:
			defer func() { <-one }()
		default:
			return nil, fmt.Errorf("%w: another support bundle is being made: try again in a moment", webui.ErrRefused)
		}
		return packSupport(ctx, a.supportParts(), a.supportSecrets(), a.config.Now())
	}
}

func packSupport(ctx context.Context, parts []support.Part, secrets *support.Secrets, now time.Time) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, supportTime)
	defer cancel()
	var b bytes.Buffer
	err := support.Write(ctx, &b, parts, secrets, now)
	return b.Bytes(), err
}

// supportParts is what a running gateway tells about itself.
func (a *Appliance) supportParts() []support.Part {
	sn := a.holder.Load()
	parts := []support.Part{
		support.Text("README.txt", supportReadme),
		jsonPart("version.json", versionFacts(a.config.Version, a.config.Built)),
		jsonPart("status.json", func() any { return a.status() }),
		{Name: "check.txt", Write: func(w io.Writer) error { return writeFindings(w, a.reconciler.Last().Problems) }},
		jsonPart("decisions.json", func() any {
			last := a.events.Last()
			return a.events.After(last-min(last, supportDecisions), supportDecisions)
		}),
		jsonPart("ocsp.json", func() any { return a.ocsp().List() }),
		jsonPart("saml.json", func() any { return a.apps() }),
		jsonPart("in-force.json", func() any { return inForce(sn) }),
		jsonPart("journal.json", func() any { return a.journalCounts() }),
		{Name: "metrics.txt", Write: a.writeMetrics},
		{Name: "goroutines.txt", Write: func(w io.Writer) error { return pprof.Lookup("goroutine").WriteTo(w, 1) }},
	}
	parts = append(parts, machineParts(a.config.StateDir)...)
	return append(parts, support.Configuration(a.config.Tree, brokenFiles(a.reconciler.Last().Problems))...)
}

// SupportOffline packs what can be told of a gateway that does not run: its files and its machine.
func SupportOffline(ctx context.Context, tree fs.FS, stateDir, version string, now time.Time) ([]byte, error) {
	draft, problems := load.Load(tree, load.Options{Now: now})
	secrets := &support.Secrets{}
	addStateSecrets(secrets, stateDir)
	if draft != nil {
		addSecrets(secrets, draft)
	}
	parts := []support.Part{
		support.Text("README.txt", supportReadme+"\nIt was not running.\n"),
		jsonPart("version.json", versionFacts(version, time.Time{})),
		{Name: "check.txt", Write: func(w io.Writer) error { return writeFindings(w, problems) }},
	}
	parts = append(parts, machineParts(stateDir)...)
	return packSupport(ctx, append(parts, support.Configuration(tree, brokenFiles(problems))...), secrets, now)
}

func jsonPart(name string, what func() any) support.Part {
	return support.Part{Name: name, Write: func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(what())
	}}
}

func versionFacts(version string, built time.Time) func() any {
	return func() any {
		return map[string]string{"version": version, "built": built.Format(time.RFC3339), "go": runtime.Version(),
			"os": runtime.GOOS, "arch": runtime.GOARCH, "cpus": fmt.Sprint(runtime.NumCPU())}
	}
}

func writeFindings(w io.Writer, problems load.Problems) error {
	for _, p := range problems {
		if _, err := fmt.Fprintln(w, p); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%d findings\n", len(problems))
	return err
}

// brokenFiles are those in which something may stand where it does not belong.
func brokenFiles(problems load.Problems) map[string]bool {
	broken := map[string]bool{}
	for _, p := range problems {
		broken[p.File] = true
	}
	return broken
}

// inForce is what decisions go by, without what may be secret in it: values of attributes, and
// addresses that carry a permission. Values of type policy.Secret never show themselves.
func inForce(sn *snapshot.Snapshot) any {
	if sn == nil {
		return nil
	}
	facts := struct {
		Generation uint64
		Policy     policy.Policy
		Servers    []policy.Server
		CAs        []string
	}{Generation: sn.Generation(), Policy: *sn.Policy()}
	facts.Policy.Notices = policy.Notices{Days: facts.Policy.Notices.Days} // addresses are permissions
	for _, name := range sn.ServerNames() {
		server := *sn.Server(name).Server
		rules := server.Reply
		server.Reply = nil
		for _, rule := range rules {
			rule.Attributes = nil
			server.Reply = append(server.Reply, rule)
		}
		facts.Servers = append(facts.Servers, server)
	}
	for _, ca := range sn.Draft().CAs {
		facts.CAs = append(facts.CAs, ca.Name)
	}
	return facts
}

// journalCounts says how much the journal remembers, by kind.
func (a *Appliance) journalCounts() map[string]int {
	counts := map[string]int{}
	for kind := journal.Ratchet; kind <= journal.App; kind++ {
		n := 0
		for range a.journal.Each(kind) {
			n++
		}
		counts[kind.String()] = n
	}
	return counts
}

func (a *Appliance) writeMetrics(w io.Writer) error {
	page := &pageWriter{Writer: w, header: http.Header{}}
	a.counters.ServeHTTP(page, nil)
	return page.err
}

// A pageWriter takes what a handler writes.
type pageWriter struct {
	io.Writer
	header http.Header
	err    error
}

func (p *pageWriter) Header() http.Header { return p.header }
func (p *pageWriter) WriteHeader(int)     {}
func (p *pageWriter) Write(b []byte) (int, error) {
	n, err := p.Writer.Write(b)
	p.err = errors.Join(p.err, err)
	return n, err
}

// machineFiles tell of the machine; none of them holds what is anybody's business.
var machineFiles = []string{"/proc/version", "/proc/uptime", "/proc/loadavg", "/proc/meminfo", "/proc/self/status",
	"/proc/self/limits", "/proc/net/snmp", "/proc/net/dev", "/etc/os-release"}

func machineParts(stateDir string) []support.Part {
	var parts []support.Part
	for _, name := range machineFiles {
		parts = append(parts, support.Part{Name: "machine" + strings.ReplaceAll(name, "/", "-") + ".txt", Write: func(w io.Writer) error {
			f, err := os.Open(name)
			if err != nil {
				return errors.New("it cannot be read here")
			}
			defer func() { _ = f.Close() }() // it was only read
			_, err = io.Copy(w, io.LimitReader(f, support.MaxPart))
			return err
		}})
	}
	return append(parts, support.Part{Name: "state-directory.txt", Write: func(w io.Writer) error {
		return filepath.WalkDir(stateDir, func(name string, d fs.DirEntry, err error) error {
			info, infoErr := fs.FileInfo(nil), err
			if err == nil {
				info, infoErr = d.Info()
			}
			if infoErr != nil {
				return nil // it has gone, or belongs to somebody else
			}
			rest, _ := filepath.Rel(stateDir, name) // it lies in it
			_, err = fmt.Fprintf(w, "%s %9d %s %s\n", info.Mode(), info.Size(), info.ModTime().UTC().Format(time.RFC3339), rest)
			return err
		})
	}})
}

// supportSecrets are the secrets that are known, wherever they come from.
func (a *Appliance) supportSecrets() *support.Secrets {
	s := &support.Secrets{}
	addStateSecrets(s, a.config.StateDir)
	s.Add(a.config.Boot.Fleet.Pull.URL, a.config.Boot.Fleet.Pull.Proxy, a.config.Boot.Fleet.Heartbeat.URL)
	if sn := a.holder.Load(); sn != nil {
		addSecrets(s, sn.Draft())
	}
	return s
}

func addSecrets(s *support.Secrets, d *snapshot.Draft) {
	s.Add(d.Policy.Notices.Webhook, string(d.Policy.Notices.SMTP.Password))
	for _, server := range d.Servers {
		for _, c := range server.Clients {
			s.Add(string(c.Secret), string(c.CoASecret))
		}
	}
	for _, account := range d.Admins.Accounts {
		s.Add(string(account.Password))
	}
	for _, token := range d.Admins.Tokens {
		s.Add(fmt.Sprintf("%x", token.SHA256))
	}
}

// addStateSecrets adds what lies in the state directory.
func addStateSecrets(s *support.Secrets, dir string) {
	if code, err := os.ReadFile(filepath.Join(dir, SetupCodeFile)); err == nil {
		s.Add(strings.TrimSpace(string(code)))
	}
	var account firstAdminJSON
	if data, err := os.ReadFile(filepath.Join(dir, firstAdminFile)); err == nil && json.Unmarshal(data, &account) == nil {
		s.Add(account.Password)
	}
}
