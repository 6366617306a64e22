package syslog_test

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/syslog"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/pki/lab"
)

// TestSyslogToRsyslog has a collector of somebody else read what is sent.
func TestSyslogToRsyslog(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("rsyslogd")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("rsyslogd is not installed; testdata/peers/install.sh installs it")
		}
		t.Skip("rsyslogd is not installed; testdata/peers/install.sh installs it")
	}
	for _, transport := range []string{syslog.TCP, syslog.TLS, syslog.UDP} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			ca, err := lab.NewCA(lab.CAOptions{Name: "Log CA"})
			if err != nil {
				t.Fatal(err)
			}
			r := startRsyslog(t, program, transport, ca)
			roots := x509.NewCertPool()
			roots.AddCert(ca.Certificate)
			host := "127.0.0.1"
			if transport == syslog.TLS {
				host = "localhost" // as in its certificate
			}
			s := newRig(t, syslog.Config{Transport: transport, Address: net.JoinHostPort(host, r.port()), Roots: roots}).start()
			e := audit.Event{Result: audit.Reject, Reason: audit.CertRevoked, User: "Åse", Detail: `a "b" [c] \d`}
			s.out.Info("decision", anyAttrs(e)...)
			s.out.Warn("large", "part", "x", "text", strings.Repeat("x", 900))
			eventually(t, "both written down", func() bool { return strings.Count(r.output(), "\n") == 2 })
			want := `85|oslo-1|gatehouse|` + strconv.Itoa(os.Getpid()) + `|decision|` +
				`[radius@32473 result="reject" reason="cert_revoked" user="Åse" duration_ms="0" rounds="0" generation="0" detail="a \"b\" [c\] \\d"]|` +
				"decision result=reject reason=cert_revoked user=Åse\n" +
				`84|oslo-1|gatehouse|` + strconv.Itoa(os.Getpid()) + `|large|[radius@32473 part="x" text="`
			got := strings.ReplaceAll(r.output(), "\ufeff", "")
			if diff := cmp.Diff(want, got[:min(len(got), len(want))]); diff != "" {
				t.Errorf("(- want, + got)\n%s", diff)
			}
			if transport != syslog.UDP && strings.Count(got, "x") < 900 {
				t.Errorf("got %q, want 900 times x", got)
			}
		})
	}
}

func anyAttrs(e audit.Event) (list []any) {
	for _, a := range e.Attrs() {
		list = append(list, a)
	}
	return list
}

// An rsyslog writes what it is told into a file.
type rsyslog struct {
	t   *testing.T
	dir string
	udp string // its port, if it listens there
}

func startRsyslog(t *testing.T, program, transport string, ca *lab.CA) *rsyslog {
	t.Helper()
	r := &rsyslog{t: t, dir: t.TempDir()}
	leaf, err := ca.IssueServer(lab.ServerOptions{DNSNames: []string{"localhost"}})
	if err != nil {
		t.Fatal(err)
	}
	global, module := "", `module(load="imtcp")`
	input := fmt.Sprintf(`input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="%s/port")`, r.dir)
	switch transport {
	case syslog.TLS:
		global = fmt.Sprintf(` defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="%[1]s/ca.pem"`+
			` defaultNetstreamDriverCertFile="%[1]s/certificate.pem" defaultNetstreamDriverKeyFile="%[1]s/key.pem"`, r.dir)
		module = `module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")`
	case syslog.UDP:
		free, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, r.udp, _ = net.SplitHostPort(free.LocalAddr().String())
		_ = free.Close()
		module = `module(load="imudp")`
		input = fmt.Sprintf(`input(type="imudp" address="127.0.0.1" port="%s")`, r.udp)
	}
	r.write("rsyslog.conf", fmt.Sprintf(`global(workDirectory="%[1]s"%[2]s)
%[3]s
%[4]s
template(name="all" type="string" string="%%pri%%|%%hostname%%|%%app-name%%|%%procid%%|%%msgid%%|%%structured-data%%|%%msg%%\n")
*.* action(type="omfile" file="%[1]s/out" template="all")
`, r.dir, global, module, strings.Replace(input, ")", ` ruleset="RSYSLOG_DefaultRuleset")`, 1)))
	r.write("ca.pem", string(ca.CertificatePEM()))
	r.write("certificate.pem", string(leaf.CertificatePEM()))
	r.write("key.pem", string(leaf.KeyPEM()))
	cmd := exec.Command(program, "-n", "-i", "NONE", "-f", filepath.Join(r.dir, "rsyslog.conf"))
	var said lockedBuffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("rsyslogd says:\n%s", said.String())
		}
	})
	return r
}

func (r *rsyslog) write(name, content string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(content), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// port waits until it listens, and says where.
func (r *rsyslog) port() string {
	r.t.Helper()
	port := r.udp
	if port == "" {
		eventually(r.t, "rsyslogd listens", func() bool {
			data, err := os.ReadFile(filepath.Join(r.dir, "port"))
			port = string(data)
			return err == nil && port != ""
		})
		return port
	}
	eventually(r.t, "rsyslogd listens", func() bool {
		conn, err := net.ListenPacket("udp", "127.0.0.1:"+port)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	return port
}

// output returns what it has written down of ours: it has something to say itself too.
func (r *rsyslog) output() string {
	data, err := os.ReadFile(filepath.Join(r.dir, "out"))
	if err != nil {
		return ""
	}
	var b strings.Builder
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, "|gatehouse|") {
			b.WriteString(line)
		}
	}
	return b.String()
}
