package appliance_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/supplicant"
	"gatehouse/sync/bundle"
	"gatehouse/sync/strictyaml"
)

// An alertFile is packaging/alerts.yaml: every key that Prometheus has and we use.
type alertFile struct {
	Groups []struct {
		Name  string `yaml:"name"`
		Rules []struct {
			Alert       string            `yaml:"alert"`
			Expr        string            `yaml:"expr"`
			For         string            `yaml:"for"`
			Labels      map[string]string `yaml:"labels"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

// A dashboard is packaging/dashboard.json, as far as it asks for metrics.
type dashboard struct {
	Templating struct {
		List []struct {
			Query any
		}
	}
	Panels []struct {
		ID          int
		Title, Type string
		Targets     []struct{ Expr string }
	}
}

func packaged(t *testing.T, name string) []byte {
	t.Helper()
	return must(os.ReadFile(filepath.Join(root, "packaging", name)))(t)
}

// alerts returns the expressions of packaging/alerts.yaml, and wants every rule to say how bad it
// is, what is wrong and what to do.
func alerts(t *testing.T) []string {
	t.Helper()
	var file alertFile
	if _, problems := strictyaml.Decode(packaged(t, "alerts.yaml"), &file); len(problems) > 0 {
		t.Fatal(problems)
	}
	var list, names []string
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if slices.Contains(names, r.Alert) || !strings.HasPrefix(r.Alert, "Gatehouse") {
				t.Errorf("alert %q: its name is taken, or not ours", r.Alert)
			}
			names, list = append(names, r.Alert), append(list, r.Expr)
			if s := r.Labels["severity"]; s != "warning" && s != "critical" {
				t.Errorf("%s: severity %q", r.Alert, s)
			}
			if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s: nobody is told what is wrong, or what to do", r.Alert)
			}
		}
	}
	if len(list) < 20 {
		t.Errorf("%d rules", len(list))
	}
	return list
}

// asked returns everything that packaging/dashboard.json asks for.
func asked(t *testing.T) []string {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal(packaged(t, "dashboard.json"), &d); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, v := range d.Templating.List {
		list = append(list, fmt.Sprint(v.Query))
	}
	for i, p := range d.Panels {
		if p.ID != i+1 || p.Title == "" || p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %d: %+v", i, p)
		}
		for _, target := range p.Targets {
			list = append(list, target.Expr)
		}
	}
	if len(list) < 20 {
		t.Errorf("%d questions", len(list))
	}
	return list
}

var (
	metricWord  = regexp.MustCompile(`\bgatehouse_[a-z0-9_]+(\{[^}]*\})?`)
	labelWord   = regexp.MustCompile(`([a-z_]+)(=~|!~|!=|=)"`)
	addedByThem = []string{"job", "instance"} // by Prometheus
)

// TestMonitoringAsksForWhatIsThere: every metric, with every label, that the alert rules, the
// dashboard and the documents name is exposed by a gateway on which everything is on and has
// happened.
func TestMonitoringAsksForWhatIsThere(t *testing.T) {
	t.Parallel()
	text := busySite(t).scrape()
	var wanted []string
	wanted = append(append(wanted, alerts(t)...), asked(t)...)
	for _, doc := range []string{"docs/fleet.md", "docs/saml.md", "README.md", "packaging/install.md"} {
		wanted = append(wanted, string(must(os.ReadFile(filepath.Join(root, doc)))(t)))
	}
	for _, expr := range wanted {
		for _, word := range metricWord.FindAllString(expr, -1) {
			name, matchers, _ := strings.Cut(word, "{")
			line := regexp.MustCompile(`(?m)^` + name + `[{ ].*$`).FindString(text)
			if line == "" {
				t.Errorf("no metric %s is exposed", name)
				continue
			}
			for _, label := range labelWord.FindAllStringSubmatch(matchers, -1) {
				if !slices.Contains(addedByThem, label[1]) && !regexp.MustCompile(`[{,]`+label[1]+`="`).MatchString(line) {
					t.Errorf("%s has no label %s: %s", name, label[1], line)
				}
			}
		}
	}
	if t.Failed() {
		t.Logf("exposed:\n%s", text)
	}
}

// busySite is a gateway that fetches a bundle that will expire, sends heartbeats, logs to a
// collector, has accepted and rejected, and was asked with a wrong secret.
func busySite(t *testing.T) *site {
	t.Helper()
	s, p := newSite(t), newPublisher(t)
	p.trust(s)
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(hook.Close)
	s.boot.Log.Syslog = "udp://127.0.0.1:9"
	s.boot.Fleet.Pull.URL, s.boot.Fleet.Pull.CA = p.URL+"/b.tar.gz", "web.pem"
	s.boot.Fleet.Pull.Interval = 200 * time.Millisecond
	s.boot.Fleet.Heartbeat.URL, s.boot.Fleet.Heartbeat.Interval = hook.URL, 200*time.Millisecond
	b := must(bundle.Build(os.DirFS(headOffice(s).dir), bundle.BuildOptions{ID: "branch", Serial: 7, AllowPlain: true,
		Expires: time.Now().Add(24 * time.Hour).UTC().Truncate(time.Second)}))(t)
	p.publish("/b.tar.gz", b.Archive, must(p.key.Sign(bytes.NewReader(b.Archive), b.Manifest.Comment()))(t))
	s.start()
	s.eventually("in force", func() bool { return strings.Contains(s.scrape(), `confirmed="true"`) })
	s.accept(s.alice())
	s.reject(station{leaf: s.user(lab.UserOptions{Kind: lab.EmailSAN, Identity: "zoe@acme.example"})}, "user_unknown")
	_, err := supplicant.Run(t.Context(), supplicant.Config{Server: s.appliance.AuthAddr().String(),
		Secret: []byte("not the secret"), Identity: "anonymous", Timeout: 100e6, Retries: -1})
	if err == nil {
		t.Error("answered in spite of the wrong secret")
	}
	s.eventually("a wrong secret counted", func() bool { return strings.Contains(s.scrape(), "wrong_secret_total{") })
	return s
}
