//go:build e2e

package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const shibbolethApache = `LoadModule mod_shib /usr/lib/apache2/modules/mod_shib.so
ShibConfig DIR/shibboleth2.xml
<Location /Shibboleth.sso>
	AuthType None
	Require all granted
	SetHandler shib
</Location>
<Location /private>
	AuthType shibboleth
	ShibRequestSetting requireSession 1
	Require shib-session
	Header always set X-Signed-In "%{uid}e"
</Location>
`

const shibbolethConfig = `<SPConfig xmlns="urn:mace:shibboleth:3.0:native:sp:config" clockSkew="180">
 <OutOfProcess logger="DIR/shibd.logger"/>
 <InProcess logger="DIR/native.logger"/>
 <TCPListener address="127.0.0.1" port="PORT" acl="127.0.0.1"/>
 <StorageService type="Memory" id="mem" cleanupInterval="900"/>
 <SessionCache type="StorageService" StorageService="mem" cacheTimeout="3600" inprocTimeout="900" cleanupInterval="900"/>
 <ReplayCache StorageService="mem"/>
 <RequestMapper type="Native"><RequestMap applicationId="default"/></RequestMapper>
 <ApplicationDefaults entityID="http://ADDRESS/shibboleth" REMOTE_USER="uid" signing="true"ALGORITHM>
  <Sessions lifetime="28800" timeout="3600" relayState="ss:mem" checkAddress="false" handlerSSL="false" cookieProps="http" redirectLimit="none">
   <SSO entityID="https://sso.demo.example/saml">SAML2</SSO>
   <SessionInitiator type="SAML2" Location="/PostLogin" entityID="https://sso.demo.example/saml" template="/etc/shibboleth/bindingTemplate.html" outgoingBindings="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"/>
  </Sessions>
  <Errors supportContact="root@localhost"/>
  <MetadataProvider type="XML" validate="false" path="DIR/idp.xml"/>
  <AttributeExtractor type="XML" validate="false" reloadChanges="false" path="DIR/attribute-map.xml"/>
  <CredentialResolver type="File" use="signing" key="DIR/sp.key" certificate="DIR/sp.pem"/>
 </ApplicationDefaults>
 <SecurityPolicyProvider type="XML" validate="false" path="/etc/shibboleth/security-policy.xml"/>
 <ProtocolProvider type="XML" validate="false" reloadChanges="false" path="/etc/shibboleth/protocols.xml"/>
</SPConfig>
`

const shibbolethLogger = `log4j.rootCategory=INFO, file
log4j.appender.file=org.apache.log4j.FileAppender
log4j.appender.file.fileName=DIR/shib.log
log4j.appender.file.layout=org.apache.log4j.PatternLayout
log4j.appender.file.layout.ConversionPattern=%d %p %c: %m%n
`

// A shibboleth is an Apache with mod_shib and its shibd.
type shibboleth struct {
	*apache
	idp   *idp
	port  string
	shibd *exec.Cmd
}

func newShibboleth(t *testing.T, i *idp) (*shibboleth, []byte) {
	t.Helper()
	s := &shibboleth{apache: newApache(t, shibbolethApache), idp: i}
	_, s.port, _ = net.SplitHostPort(freePort(t, "tcp"))
	t.Cleanup(s.stopBoth)
	execute(t, nil, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=shib",
		"-keyout", filepath.Join(s.dir, "sp.key"), "-out", filepath.Join(s.dir, "sp.pem"))
	certificate, err := os.ReadFile(filepath.Join(s.dir, "sp.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"shibd.logger", "native.logger"} {
		s.write(name, s.fill(shibbolethLogger))
	}
	s.write("attribute-map.xml", `<Attributes xmlns="urn:mace:shibboleth:2.0:attribute-map">
<Attribute name="uid" nameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:basic" id="uid"/></Attributes>`)
	metadata := strings.ReplaceAll(string(s.metadata(certificate)), "/mellon/metadata", "/shibboleth")
	return s, []byte(strings.ReplaceAll(metadata, "/mellon/postResponse", "/Shibboleth.sso/SAML2/POST"))
}

// signingSHA256 has Shibboleth sign what it sends by POST with SHA-256. Unless told so, it takes SHA-1.
const signingSHA256 = ` signingAlg="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"`

// startBoth starts shibd, then Apache. The requests are signed as algorithm says.
func (s *shibboleth) startBoth(algorithm string) {
	s.t.Helper()
	s.write("shibboleth2.xml", strings.NewReplacer("PORT", s.port, "ALGORITHM", algorithm).Replace(s.fill(shibbolethConfig)))
	if err := os.RemoveAll(filepath.Join(s.dir, "shib.log")); err != nil {
		s.t.Fatal(err)
	}
	s.shibd = exec.Command("shibd", "-F", "-f", "-c", filepath.Join(s.dir, "shibboleth2.xml"), "-p", filepath.Join(s.dir, "shibd.pid"))
	out, err := os.Create(filepath.Join(s.dir, "shibd.out"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = out.Close() }() // shibd has its own
	s.shibd.Stdout, s.shibd.Stderr = out, out
	s.shibd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.shibd.Start(); err != nil {
		s.t.Fatalf("shibd, of libapache2-mod-shib: %v", err)
	}
	// It is not asked by its port: it aborts at times over a connection that ends before a word.
	s.idp.until("shibd answers", 30*time.Second, func() error {
		if log := s.told("shib.log"); !strings.Contains(log, "listener service starting") {
			return fmt.Errorf("%s\n%s", s.told("shibd.out"), log)
		}
		return nil
	})
	s.start()
}

func (s *shibboleth) stopBoth() {
	s.stop()
	if s.shibd != nil {
		_ = s.shibd.Process.Kill() // it may have ended
		_ = s.shibd.Wait()         // how does not matter
		s.shibd = nil
	}
}

// TestE2ESAMLShibboleth signs a person in at Shibboleth, started there with signed requests by redirect
// and POST, and here, before, during and after a rotation.
func TestE2ESAMLShibboleth(t *testing.T) {
	i := newIDP(t)
	sp, metadata := newShibboleth(t, i)
	i.app(metadata, "want_signed_requests: true\n")
	private := "http://" + sp.address + "/private/"
	start := "https://" + i.host + "/saml/wiki/start?RelayState=" + url.QueryEscape(private)
	post := "http://" + sp.address + "/Shibboleth.sso/PostLogin?target=" + url.QueryEscape(private)
	again := func(how string, keys int) {
		t.Helper()
		sp.stopBoth()
		sp.write("idp.xml", i.metadata(signingKeys(keys)))
		sp.startBoth(signingSHA256)
		sp.signedIn(i.newBrowser(true), how+", started at the application", private)
		sp.signedIn(i.newBrowser(true), how+", by POST", post)
		sp.signedIn(i.newBrowser(true), how+", started here", start)
	}
	sp.write("idp.xml", i.metadata(signingKeys(1)))
	sp.startBoth("")
	if p := i.newBrowser(true).open(post); p.status != http.StatusBadRequest || !strings.Contains(p.body, "saml_signature_algorithm") {
		t.Errorf("signed with SHA-1: %d at %s\n%s", p.status, p.url, p.body)
	}
	again("before", 1)
	i.saml("regenerate", "wiki")
	again("with next in the metadata", 2)
	i.saml("promote", "wiki")
	i.shows("previous")
	sp.signedIn(i.newBrowser(true), "promoted, with the metadata of before", private)
	i.saml("retire", "wiki")
	again("after", 1)
}
