//go:build e2e

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const openingP12 = "tr0ub4dor-and-3-horses"

// A p12Desk is a gateway at which somebody has a .p12 looked at, with all that must not stay.
type p12Desk struct {
	*rig
	url, token, temp string
	client           *http.Client
	file             []byte
	marks            map[string][]byte // by what they are
}

// TestE2EUploadedP12IsNeverWritten has a .p12 looked at by page, API and command, in good and in bad
// ways, and finds neither it nor what is in it in any file; strace says that no file but those the
// gateway always writes was opened for writing.
func TestE2EUploadedP12IsNeverWritten(t *testing.T) {
	d := newP12Desk(t)
	d.signInToPages()
	trace := d.traced(func() {
		for _, password := range []string{openingP12, "wrong", ""} {
			accepted := password == openingP12
			d.upload("/check/certificate", d.file, password, 200, "Would be accepted as demo", accepted)
			d.upload("/api/v1/certificates/test", d.file, password, 200, `"user":"demo"`, accepted)
		}
		large := append(bytes.Clone(d.file), make([]byte, 2<<20)...)
		d.upload("/check/certificate", large, openingP12, 200, "Would be accepted", false)
		d.upload("/api/v1/certificates/test", large, openingP12, 200, "Would be accepted", false)
	})
	command := d.command()
	d.checkTrace("serve", trace, "accept4")
	d.checkTrace("cert test", command, "new.p12")
	d.kill()
	d.checkFiles()
}

func newP12Desk(t *testing.T) *p12Desk {
	d := &p12Desk{rig: newRig(t, ""), temp: t.TempDir(), marks: map[string][]byte{"password": []byte(openingP12)}}
	ui := freePort(t, "tcp")
	d.url = "https://" + ui
	d.write("gatehouse.yaml", fmt.Sprintf("schema: 1\nlisten: {auth: %q, acct: \"\", ui: %q, metrics: %q}\n", d.auth, ui, d.metrics))
	hash := exec.Command(d.program, "admin", "hash")
	hash.Stdin = strings.NewReader(deskPassword + "\n")
	hashed, err := hash.Output()
	if err != nil {
		t.Fatal(err)
	}
	made, err := exec.Command(d.program, "admin", "token", "desk", "--scope", "read", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	token := decoded[newToken](t, string(made))
	d.token = token.Token
	d.write("admins.yaml", fmt.Sprintf("accounts:\n  - {username: admin, role: admin, password: %q}\ntokens:\n  - {name: desk, sha256: %q, scopes: [read]}\n",
		strings.TrimSpace(string(hashed)), token.SHA256))
	d.makeP12()
	jar, _ := cookiejar.New(nil) // never fails
	d.client = &http.Client{Jar: jar, Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true, // the gateway has made its own
	}}
	d.start(os.Stderr, "TMPDIR="+d.temp)
	d.status()
	return d
}

// makeP12 has openssl make the file, whose salts it chooses, and marks what is in it.
func (d *p12Desk) makeP12() {
	d.t.Helper()
	file, pass := filepath.Join(d.t.TempDir(), "new.p12"), filepath.Join(d.t.TempDir(), "pw")
	if err := os.WriteFile(pass, []byte(openingP12+"\n"), 0o600); err != nil {
		d.t.Fatal(err)
	}
	execute(d.t, nil, "openssl", "pkcs12", "-export", "-in", d.demo("user.pem"), "-inkey", d.demo("user-key.pem"),
		"-passout", "file:"+pass, "-out", file)
	key, err := os.ReadFile(d.demo("user-key.pem"))
	if err == nil {
		d.file, err = os.ReadFile(file)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	block, _ := pem.Decode(key)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		d.t.Fatal(err)
	}
	if d.marks["private key"], err = parsed.(*ecdsa.PrivateKey).Bytes(); err != nil {
		d.t.Fatal(err)
	}
	for at := 0; at+16 <= len(d.file); at += 128 {
		d.marks[fmt.Sprintf("the .p12 from byte %d on", at)] = d.file[at : at+16]
	}
	execute(d.t, nil, "rm", d.demo("user-key.pem")) // it is not to be found for this reason
}

func (d *p12Desk) signInToPages() {
	d.t.Helper()
	response, err := d.client.PostForm(d.url+"/sign-in", url.Values{"username": {"admin"}, "password": {deskPassword}})
	if err != nil {
		d.t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body) // what is missing fails the test
	_ = response.Body.Close()
	if !strings.Contains(string(body), `href="/more">admin<`) {
		d.t.Fatalf("not signed in: %s\n%s", response.Status, body)
	}
}

// upload sends a form with a file, and looks whether what came back has want.
func (d *p12Desk) upload(path string, file []byte, password string, status int, want string, wanted bool) {
	d.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "a.p12")
	if err == nil {
		_, err = part.Write(file)
	}
	if err = errors.Join(err, form.WriteField("password", password), form.Close()); err != nil {
		d.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.url+path, &body)
	if err != nil {
		d.t.Fatal(err)
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	request.Header.Set("Origin", d.url)
	if strings.HasPrefix(path, "/api/") {
		request.Header.Set("Authorization", "Bearer "+d.token)
	}
	response, err := d.client.Do(request)
	if err != nil {
		if !wanted {
			return // refused before it was sent whole
		}
		d.t.Fatal(err)
	}
	answer, _ := io.ReadAll(response.Body) // likewise
	_ = response.Body.Close()
	if got := strings.Contains(string(answer), want); got != wanted || wanted != (response.StatusCode == status) {
		d.t.Errorf("%s with %q: got %s, %q there: %v\n%s", path, password, response.Status, want, got, answer)
	}
}

// syscalls are those by which something comes to be written: opening, making and moving files.
const syscalls = "trace=accept4,open,openat,openat2,creat,rename,renameat,renameat2,link,linkat,symlinkat,memfd_create"

// traced returns what strace has seen of the gateway while do ran.
func (d *p12Desk) traced(do func()) string {
	d.t.Helper()
	file := filepath.Join(d.t.TempDir(), "trace")
	strace := exec.Command("strace", "-f", "-e", syscalls, "-o", file, "-p", fmt.Sprint(d.serve.Process.Pid))
	strace.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	said := &lockedBuffer{}
	strace.Stderr = said
	if err := strace.Start(); err != nil {
		d.t.Fatalf("%v; testdata/peers/install.sh e2e installs it", err)
	}
	said.wait(d.t, "strace is attached", func() bool { return strings.Contains(said.String(), "attached") })
	do()
	_ = strace.Process.Signal(syscall.SIGINT) // it lets go
	_ = strace.Wait()                         // by the signal
	return d.read(file)
}

// command has the command look at the file, under strace, and returns what that saw.
func (d *p12Desk) command() string {
	d.t.Helper()
	dir := d.t.TempDir()
	for name, content := range map[string][]byte{"new.p12": d.file, "pw": []byte(openingP12 + "\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			d.t.Fatal(err)
		}
	}
	cmd := exec.Command("strace", "-f", "-e", syscalls, "-o", filepath.Join(dir, "trace"), d.program, "cert", "test",
		"new.p12", "--password-file", "pw", "--state", d.state)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "TMPDIR="+d.temp)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "would be accepted as demo") {
		d.t.Errorf("%v: %v\n%s", cmd.Args, err, out)
	}
	return d.read(filepath.Join(dir, "trace"))
}

func (d *p12Desk) read(file string) string {
	d.t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(data)
}

// ownFiles are what a gateway writes whether or not anybody uploads anything.
var ownFiles = regexp.MustCompile(`"[^"]*/state/(db/[^"]*|journal|clock[^"/]*)"|"/dev/null"`)

// writing is how a call in a trace says that something is opened to be written, made or moved.
var writing = regexp.MustCompile(`O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE|creat\(|rename|link|memfd_create`)

// checkTrace looks at every file that was opened to be written, made or moved. Proof is what stands in
// a trace that was taken at all.
func (d *p12Desk) checkTrace(who, trace, proof string) {
	d.t.Helper()
	if !strings.Contains(trace, proof) {
		d.t.Fatalf("%s: the trace does not show %s:\n%s", who, proof, trace)
	}
	for line := range strings.Lines(trace) {
		if writing.MatchString(line) && !ownFiles.MatchString(line) {
			d.t.Errorf("%s: while a .p12 was looked at: %s", who, line)
		}
	}
}

// checkFiles looks for what must not stay in every file of the gateway.
func (d *p12Desk) checkFiles() {
	d.t.Helper()
	if entries, err := os.ReadDir(d.temp); err != nil || len(entries) > 0 {
		d.t.Errorf("in the directory for temporary files: %v, error %v", entries, err)
	}
	if err := os.WriteFile(filepath.Join(d.state, "sample"), append([]byte("x"), d.file...), 0o600); err != nil {
		d.t.Fatal(err)
	}
	files, found := 0, 0
	for _, root := range []string{d.state, d.config} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			files++
			for what, mark := range d.marks {
				if !bytes.Contains(data, mark) {
					continue
				}
				if filepath.Base(path) == "sample" {
					found++
				} else {
					d.t.Errorf("%s holds %s", path, what)
				}
			}
			return err
		})
		if err != nil {
			d.t.Fatal(err)
		}
	}
	if files < 10 || found < 5 {
		d.t.Errorf("looked at %d files and found %d marks in the sample", files, found)
	}
}
