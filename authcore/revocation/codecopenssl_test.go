package revocation_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/revocation"
)

// opensslCA is a CA below a root whose certificates `openssl ocsp` and `openssl ca` speak for,
// by files: no port is opened. Its dates are those of the wall clock, which openssl asks.
type opensslCA struct {
	path, dir string
	root, ca  *lab.CA

	good, revoked, held, unlisted *x509.Certificate
}

func newOpensslCA(t *testing.T) *opensslCA {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("openssl is not installed, and CI=true")
	} else if err != nil {
		t.Skip("openssl is not installed: apt-get install openssl")
	}
	o := &opensslCA{path: path, dir: t.TempDir()}
	o.root = must(lab.NewCA(lab.CAOptions{}))
	o.ca = must(o.root.NewIntermediate(lab.CAOptions{}))
	user := func() *x509.Certificate { return must(o.ca.IssueUser(lab.UserOptions{})).Certificate }
	o.good, o.revoked, o.held, o.unlisted = user(), user(), user(), user()
	o.writeSigner(t, "ca", o.ca.Certificate, o.ca.Key)
	o.write(t, "index.txt", o.line("V", "", o.good)+
		o.line("R", "260101000000Z,keyCompromise", o.revoked)+
		o.line("R", "260101000000Z,certificateHold", o.held))
	o.write(t, "index.txt.attr", "unique_subject = no\n")
	return o
}

// line is one of the database of `openssl ca`.
func (o *opensslCA) line(state, revoked string, c *x509.Certificate) string {
	serial := fmt.Sprintf("%X", c.SerialNumber)
	if len(serial)%2 != 0 {
		serial = "0" + serial
	}
	return strings.Join([]string{state, "491231235959Z", revoked, serial, "unknown", "/CN=x"}, "\t") + "\n"
}

func (o *opensslCA) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(o.dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (o *opensslCA) writeSigner(t *testing.T, name string, cert *x509.Certificate, key crypto.Signer) {
	t.Helper()
	o.write(t, name+".pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})))
	o.write(t, name+".key", string(pem.EncodeToMemory(&pem.Block{
		Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key)),
	})))
}

func (o *opensslCA) run(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command(o.path, args...)
	cmd.Dir = o.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// ask has `openssl ocsp` answer a request about cert, signed by the signer of that name.
func (o *opensslCA) ask(t *testing.T, cert *x509.Certificate, signer string, opt revocation.RequestOptions, args ...string) []byte {
	t.Helper()
	request, err := revocation.NewRequest(cert, o.ca.Certificate, opt)
	if err != nil {
		t.Fatal(err)
	}
	file := strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())
	o.write(t, file+".req", string(request))
	o.run(t, append([]string{"ocsp", "-index", "index.txt", "-CA", "ca.pem",
		"-rsigner", signer + ".pem", "-rkey", signer + ".key",
		"-reqin", file + ".req", "-respout", file + ".resp", "-ndays", "1"}, args...)...)
	return must(os.ReadFile(filepath.Join(o.dir, file+".resp")))
}

func (o *opensslCA) verify(der []byte, cert *x509.Certificate, opt revocation.VerifyOptions) (revocation.Answer, error) {
	if opt.Now.IsZero() {
		opt.Now = time.Now()
	}
	opt.Skew = codecSkew
	return revocation.VerifyResponse(der, cert, o.ca.Certificate, opt)
}

// delegate writes a signer below the CA of that extended key usage; nocheck exempts it.
func (o *opensslCA) delegate(t *testing.T, name string, usage asn1.ObjectIdentifier, nocheck bool) *lab.Leaf {
	t.Helper()
	options := lab.UserOptions{Options: lab.Options{Now: time.Now(), Usages: []asn1.ObjectIdentifier{usage}}}
	if nocheck {
		options.Extensions = noCheck
	}
	leaf := codecDelegate(t, o.ca, options)
	o.writeSigner(t, name, leaf.Certificate, leaf.Key)
	return leaf
}

func TestOpenSSLAnswers(t *testing.T) {
	t.Parallel()
	o := newOpensslCA(t)
	o.delegate(t, "delegate", oidOCSPSigning, true)
	checked := o.delegate(t, "checked", oidOCSPSigning, false)
	nonce := bytes.Repeat([]byte{0xA5}, 32)
	for name, tc := range map[string]struct {
		cert   *x509.Certificate
		signer string // empty: the CA, an intermediate, whose certificate openssl embeds
		opt    revocation.RequestOptions
		args   []string
		want   revocation.Answer
	}{
		"good":                 {cert: o.good, want: revocation.Answer{Status: revocation.Good}},
		"revoked":              {cert: o.revoked, want: revocation.Answer{Status: revocation.Revoked, Why: "keyCompromise"}},
		"on hold":              {cert: o.held, want: revocation.Answer{Status: revocation.Revoked, Why: "certificateHold", Hold: true}},
		"unknown":              {cert: o.unlisted, want: revocation.Answer{Status: revocation.Unknown}},
		"by key":               {cert: o.good, args: []string{"-resp_key_id"}, want: revocation.Answer{Status: revocation.Good}},
		"nothing embedded":     {cert: o.good, args: []string{"-resp_no_certs"}, want: revocation.Answer{Status: revocation.Good}},
		"delegated signer":     {cert: o.revoked, signer: "delegate", want: revocation.Answer{Status: revocation.Revoked, Why: "keyCompromise"}},
		"delegate, by key":     {cert: o.good, signer: "delegate", args: []string{"-resp_key_id"}, want: revocation.Answer{Status: revocation.Good}},
		"delegate to check":    {cert: o.good, signer: "checked", want: revocation.Answer{Status: revocation.Good, Signer: checked.Certificate}},
		"CertID of SHA-256":    {cert: o.good, opt: revocation.RequestOptions{Hash: crypto.SHA256}, want: revocation.Answer{Status: revocation.Good}},
		"signed with SHA-512":  {cert: o.good, args: []string{"-rmd", "sha512"}, want: revocation.Answer{Status: revocation.Good}},
		"with the nonce asked": {cert: o.good, opt: revocation.RequestOptions{Nonce: nonce}, want: revocation.Answer{Status: revocation.Good, NonceEchoed: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signer := tc.signer
			if signer == "" {
				signer = "ca"
			}
			der := o.ask(t, tc.cert, signer, tc.opt, tc.args...)
			got, err := o.verify(der, tc.cert, revocation.VerifyOptions{Nonce: tc.opt.Nonce})
			if err != nil {
				t.Fatalf("VerifyResponse: %v", err)
			}
			if got.Status != tc.want.Status || got.Why != tc.want.Why || got.Hold != tc.want.Hold ||
				got.NonceEchoed != tc.want.NonceEchoed || !got.Signer.Equal(tc.want.Signer) {
				t.Errorf("VerifyResponse: got %+v, want %+v", got, tc.want)
			}
			if f := got.Freshness(time.Now(), codecSkew, 0); f != revocation.Fresh {
				t.Errorf("Freshness: got %v, want fresh", f)
			}
		})
	}
}

func TestOpenSSLAnswersRefused(t *testing.T) {
	t.Parallel()
	o := newOpensslCA(t)
	o.delegate(t, "user", lab.ClientAuth, true)
	o.delegate(t, "signsCode", lab.CodeSign, true)
	sister := must(o.root.NewIntermediate(lab.CAOptions{Name: "a sister CA"}))
	o.writeSigner(t, "sister", sister.Certificate, sister.Key)
	twin := must(sister.IssueUser(lab.UserOptions{Options: lab.Options{Serial: o.good.SerialNumber}})).Certificate
	request := must(revocation.NewRequest(twin, sister.Certificate, revocation.RequestOptions{}))
	o.write(t, "twin.req", string(request))
	for name, tc := range map[string]struct {
		signer string
		args   []string
		now    time.Duration // from the wall clock
		spoil  func([]byte) []byte
		reason audit.Reason
		detail string
	}{
		"signer without OCSPSigning":     {signer: "signsCode", reason: audit.OCSPUnauthorized, detail: "lacks the extended key usage id-kp-OCSPSigning"},
		"another user's certificate":     {signer: "user", reason: audit.OCSPUnauthorized, detail: "lacks the extended key usage id-kp-OCSPSigning"},
		"signed by a sister CA":          {signer: "sister", reason: audit.OCSPUnauthorized, detail: "was not issued by the CA"},
		"right serial of another issuer": {signer: "sister", args: []string{"-CA", "sister.pem", "-reqin", "twin.req"}, reason: audit.OCSPUnauthorized, detail: "another CA's certificate"},
		"wrong signature":                {signer: "ca", args: []string{"-badsig"}, reason: audit.OCSPUnauthorized, detail: "does not verify"},
		"signed with SHA-1":              {signer: "ca", args: []string{"-rmd", "sha1"}, reason: audit.OCSPUnauthorized, detail: "SHA-1"},
		"from the future":                {signer: "ca", now: -time.Hour, reason: audit.OCSPStale, detail: "from the future"},
		"cut":                            {signer: "ca", spoil: func(b []byte) []byte { return b[:len(b)/2] }, reason: audit.OCSPUnavailable, detail: "malformed"},
		"garbage":                        {signer: "ca", spoil: func(b []byte) []byte { return bytes.Repeat([]byte("garbage "), 99) }, reason: audit.OCSPUnavailable, detail: "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			der := o.ask(t, o.good, tc.signer, revocation.RequestOptions{}, tc.args...)
			if tc.spoil != nil {
				der = tc.spoil(der)
			}
			_, err := o.verify(der, o.good, revocation.VerifyOptions{Now: time.Now().Add(tc.now)})
			checkRefusal(t, err, tc.reason, tc.detail)
		})
	}
}

func TestOpenSSLAnswerGoesStale(t *testing.T) {
	t.Parallel()
	o := newOpensslCA(t)
	later := time.Now().Add(25 * time.Hour)
	got, err := o.verify(o.ask(t, o.good, "ca", revocation.RequestOptions{}), o.good, revocation.VerifyOptions{Now: later})
	if err != nil {
		t.Fatalf("VerifyResponse: %v", err)
	}
	if f := got.Freshness(later, codecSkew, 0); f != revocation.Stale {
		t.Errorf("Freshness a day later: got %v, want stale", f)
	}
}

func TestOpenSSLReadsTheNonce(t *testing.T) {
	t.Parallel()
	o := newOpensslCA(t)
	nonce := bytes.Repeat([]byte{0xA5}, 32)
	o.write(t, "nonce.req", string(must(revocation.NewRequest(o.good, o.ca.Certificate, revocation.RequestOptions{Nonce: nonce}))))
	cmd := exec.Command(o.path, "ocsp", "-reqin", "nonce.req", "-req_text")
	cmd.Dir = o.dir
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "OCSP Nonce") || !strings.Contains(string(out), strings.Repeat("A5", 32)) {
		t.Errorf("openssl ocsp -req_text: got %v\n%s", err, out)
	}
}

func TestOpenSSLCRL(t *testing.T) {
	t.Parallel()
	o := newOpensslCA(t)
	o.write(t, "crl.cnf", "[ca]\ndefault_ca=lab\n[lab]\ndatabase=index.txt\ndefault_md=sha256\n"+
		"default_crl_days=1\ncrl_extensions=crl\n[crl]\nauthorityKeyIdentifier=keyid\n")
	o.run(t, "ca", "-gencrl", "-config", "crl.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-out", "crl.pem")
	block, _ := pem.Decode(must(os.ReadFile(filepath.Join(o.dir, "crl.pem"))))
	if block == nil {
		t.Fatal("openssl ca -gencrl wrote no PEM")
	}
	list, err := revocation.VerifyCRL(block.Bytes, o.ca.Certificate)
	if err != nil || list.Len() != 2 {
		t.Fatalf("VerifyCRL: got %v, want a list of 2 revocations", err)
	}
	for _, tc := range []struct {
		cert *x509.Certificate
		want revocation.Status
		why  string
	}{
		{o.good, revocation.Good, ""}, {o.revoked, revocation.Revoked, "keyCompromise"},
		{o.held, revocation.Revoked, "certificateHold"}, {o.unlisted, revocation.Good, ""},
	} {
		got := list.Find(tc.cert)
		if got.Status != tc.want || got.Why != tc.why || got.Freshness(time.Now(), codecSkew, 0) != revocation.Fresh {
			t.Errorf("Find: got %+v, want fresh %v %q", got, tc.want, tc.why)
		}
	}
	_, err = revocation.VerifyCRL(block.Bytes, o.root.Certificate)
	checkRefusal(t, err, audit.OCSPUnauthorized, "but of another")
}
