package load

import (
	"crypto/tls"
	"fmt"
	"net/url"
	"path"
	"slices"
	"sort"
	"strings"
	"time"

	"gatehouse/authcore/policy"
	"gatehouse/authcore/saml"
	"gatehouse/authcore/saml/pair"
	"gatehouse/authcore/snapshot"
)

const (
	idpFile      = "saml/idp.yaml"
	metadataFile = "sp-metadata.xml"
	maxNotify    = 5 // addresses of an app
)

// idpYAML is the form of saml/idp.yaml.
type idpYAML struct {
	EntityID      string   `yaml:"entity_id"`
	Host          string   `yaml:"host"`
	Certificate   string   `yaml:"certificate"`
	Key           string   `yaml:"key"`
	CA            []string `yaml:"ca"`
	AllowPassword bool     `yaml:"allow_password"`
	MFA           string   `yaml:"mfa"`
}

// appYAML is the form of saml/NAME/app.yaml.
type appYAML struct {
	Name               string            `yaml:"name"`
	Activated          bool              `yaml:"activated"`
	EntityID           string            `yaml:"entity_id"`
	ACS                []string          `yaml:"acs"`
	NameID             string            `yaml:"name_id"`
	Attributes         map[string]string `yaml:"attributes"`
	Groups             []string          `yaml:"groups"`
	Sign               string            `yaml:"sign"`
	WantSignedRequests bool              `yaml:"want_signed_requests"`
	Notify             []string          `yaml:"notify"`
}

// loadIDP reads saml/idp.yaml. That there is none is no problem.
func (l *loader) loadIDP(cas []*snapshot.CA) *snapshot.IDP {
	last := l.last.IDP
	o := &object{name: "saml/idp"}
	if !l.tree.files[idpFile] && l.tree.unreadable[idpFile] == nil {
		if last == nil || l.tree.unreadable["saml"] == nil && !l.holds(l.object(o.name), idpFile) {
			return nil
		}
		l.bringKept(o.name)
		return last
	}
	l.objects = append(l.objects, o)
	idp := readIDP(l.tree, o, newTrust(cas, l.cas))
	if idp == nil && last != nil && newTrust(cas, l.cas).hasAll(last.CAs) {
		o.settle(Kept)
		l.bringKept(o.name)
		return last
	}
	if idp == nil {
		o.settle(LeftOut)
		return nil
	}
	l.bring(o.name, o)
	return idp
}

func (t trust) hasAll(names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !t.has(name) })
}

// readIDP returns nil if o has failed.
func readIDP(t *tree, o *object, known trust) *snapshot.IDP {
	y := &idpYAML{MFA: string(policy.MFANone)}
	d := o.decode(t, idpFile, y)
	if d == nil {
		return nil
	}
	if y.Host == "" || !isHostPort(y.Host) {
		d.report(Error, "host", "host is not a name that browsers can reach", "write host: sso.acme.example, with :PORT if it is not 443")
	}
	if y.EntityID == "" {
		y.EntityID = "https://" + y.Host + "/saml"
	}
	d.names("ca", y.CA)
	if len(y.CA) == 0 {
		d.report(Error, "ca", "nobody could sign in: no CA is named", "write ca: [NAME], with the NAME of a file ca/NAME.pem")
	}
	for i, name := range y.CA {
		if !known.has(name) {
			d.report(Error, fmt.Sprintf("ca[%d]", i), fmt.Sprintf("there is no CA %q", clip(name)), "put its chain into ca/NAME.pem")
		}
	}
	if y.AllowPassword {
		d.report(Warning, "allow_password", "allow_password has no effect yet: passwords are not available yet", "")
	}
	if d.oneOf("mfa", y.MFA, string(policy.MFANone), string(policy.MFATOTP)) && y.MFA == string(policy.MFATOTP) {
		d.report(Warning, "mfa", "mfa: totp has no effect yet: it is for passwords only, and these are not available yet", "")
	}
	idp := &snapshot.IDP{EntityID: y.EntityID, Host: y.Host, CAs: y.CA}
	d.listenerCredential(y, idp)
	if o.failed {
		return nil
	}
	return idp
}

// listenerCredential reads the certificate and key of the sign-in listener. Without either the web
// listener's own certificate serves.
func (d *document) listenerCredential(y *idpYAML, idp *snapshot.IDP) {
	if y.Certificate == "" && y.Key == "" {
		d.report(Warning, "", "no certificate is named: browsers will warn of the one that the gateway has made itself",
			"name certificate and key, relative to saml/")
		return
	}
	if y.Certificate == "" || y.Key == "" {
		d.report(Error, "certificate", "certificate and key come as a pair", "name both")
		return
	}
	var halves [2][]byte
	for i, file := range []string{y.Certificate, y.Key} {
		key := []string{"certificate", "key"}[i]
		name, ok := d.relative(file)
		if !ok {
			d.report(Error, key, key+" lies outside of the configuration directory", "")
			return
		}
		if d.tree.secrets.closed && i == 1 && !d.tree.files[name] {
			return
		}
		if !d.tree.files[name] && d.tree.unreadable[name] == nil { // not quoted: it may be the key itself
			d.report(Error, key, key+": there is no such file", "name a file inside the configuration directory, relative to saml/")
			return
		}
		data, err := d.read(d.tree, name)
		if err != nil {
			d.report(Error, key, fmt.Sprintf("%s cannot be read: %v", name, err), "")
			return
		}
		halves[i] = data
	}
	credential, err := tls.X509KeyPair(halves[0], halves[1])
	if err != nil {
		d.report(Error, "certificate", "certificate and key do not fit: "+strings.TrimPrefix(err.Error(), "tls: "), "")
		return
	}
	idp.TLS = credential
}

// isHostPort reports whether s is a host, or a host and a port.
func isHostPort(s string) bool {
	u, err := url.Parse("https://" + s)
	return err == nil && u.Host == s && u.Hostname() != "" && !strings.HasSuffix(s, ":")
}

// appFile is one saml/NAME.
type appFile struct {
	*object
	app *snapshot.App // nil when failed
}

// loadApps reads the apps.
func (l *loader) loadApps() []*snapshot.App {
	nameOf := func(a *snapshot.App) string { return a.Name }
	last := byName(l.last.Apps, nameOf)
	var out []*snapshot.App
	present := l.folders("saml")
	for _, name := range present {
		f := l.readApp(name)
		l.objects = append(l.objects, f.object)
		if app := settle(f.object, f.app, last[name]); app != nil {
			out = append(out, app)
		}
	}
	out = append(out, awaited(l, "saml", present, l.last.Apps, nameOf)...)
	out = settleKind(l.kind("saml"), out, l.last.Apps)
	bringAll(l, "saml", out, last, nameOf)
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

func (l *loader) readApp(name string) *appFile {
	f := &appFile{object: &object{name: "saml/" + name}}
	file := "saml/" + name + "/app.yaml"
	if !isName(name) || name == "idp" || name == "reset" {
		f.fail(file, 0, "the folder's name is not usable", nameRemedy)
	}
	if !l.tree.files[file] && l.tree.unreadable[file] == nil {
		f.fail(file, 0, "the file is missing", "an app is a folder saml/NAME with an app.yaml")
		return f
	}
	y := &appYAML{}
	d := f.decode(l.tree, file, y)
	if d == nil {
		return f
	}
	app := d.app(name, y)
	l.serviceProvider(d, y, app)
	l.pairs(f, app)
	if !f.failed {
		f.app = app
	}
	return f
}

// app judges what does not depend on other files.
func (d *document) app(name string, y *appYAML) *snapshot.App {
	app := &snapshot.App{Name: name, Title: y.Name, Activated: y.Activated, Groups: y.Groups,
		WantSignedRequests: y.WantSignedRequests, Notify: y.Notify}
	if y.NameID != "" && d.oneOf("name_id", y.NameID, "email", "username") && y.NameID == "username" {
		app.NameID = saml.NameIDUsername
	}
	var err error
	if app.Sign, err = saml.ParseSigning(y.Sign); err != nil {
		d.report(Error, "sign", err.Error(), "")
	}
	var found saml.Findings
	app.Attributes, found = saml.ParseAttributes(y.Attributes)
	for _, f := range found {
		d.report(severityOf(f), "attributes", f.Text, "")
	}
	d.names("groups", y.Groups)
	if len(y.Notify) > maxNotify {
		d.report(Error, "notify", fmt.Sprintf("%d addresses are more than %d", len(y.Notify), maxNotify), "use a mailing list")
	}
	for i, address := range y.Notify {
		if !isMailbox(address) {
			d.report(Error, fmt.Sprintf("notify[%d]", i), fmt.Sprintf("%q is no e-mail address", clip(address)), "")
		}
	}
	return app
}

// serviceProvider takes what is registered of the service provider from app.yaml, and from its
// metadata where that lies beside it.
func (l *loader) serviceProvider(d *document, y *appYAML, app *snapshot.App) {
	file := path.Join(path.Dir(d.file), metadataFile)
	if !l.tree.files[file] && l.tree.unreadable[file] == nil {
		var found saml.Findings
		app.SP, found = saml.NewServiceProvider(y.EntityID, y.ACS)
		for _, f := range found {
			d.report(severityOf(f), "", f.Text, "see entity_id and acs, or put the service provider's metadata into "+metadataFile)
		}
		if app.WantSignedRequests {
			d.report(Error, "want_signed_requests", "no certificate is known that requests could be signed by",
				"put the service provider's metadata into "+metadataFile)
		}
		return
	}
	data, err := d.read(l.tree, file)
	if err != nil {
		d.fail(file, 0, "the file cannot be read: "+err.Error(), "")
		return
	}
	sp, found := saml.ImportServiceProvider(data, l.now)
	for _, f := range found {
		d.add(Problem{File: file, Severity: severityOf(f), Text: f.Text})
	}
	if sp == nil {
		return
	}
	if y.EntityID != "" && y.EntityID != sp.EntityID {
		d.report(Error, "entity_id", fmt.Sprintf("the metadata beside it is of %q", clip(sp.EntityID)), "remove entity_id, or that file")
	}
	if len(y.ACS) > 0 {
		d.report(Warning, "acs", "acs has no effect: the metadata beside it says where answers go", "remove acs, or that file")
	}
	if app.WantSignedRequests && len(sp.Certificates) == 0 {
		d.report(Error, "want_signed_requests", "the metadata beside it lists no certificate that requests could be signed by", "")
	}
	app.SP = sp
}

func severityOf(f saml.Finding) Severity {
	if f.Warning {
		return Warning
	}
	return Error
}

// pairs reads the certificates and keys of an app. Half a pair that is active, or one that does not
// fit, is an error: the last good version of the app goes on. What waits under next/ never is.
func (l *loader) pairs(f *appFile, app *snapshot.App) {
	dir := "saml/" + app.Name + "/"
	files := map[string][]byte{}
	for _, name := range []string{pair.CertificateFile, pair.KeyFile, pair.NextCertificateFile, pair.NextKeyFile,
		pair.PreviousCertificateFile, pair.PreviousKeyFile, pair.PreviousSinceFile} {
		if !l.tree.files[dir+name] {
			continue
		}
		data, err := f.read(l.tree, dir+name)
		if err != nil {
			f.fail(dir+name, 0, "the file cannot be read: "+err.Error(), "")
			continue
		}
		files[name] = data
	}
	set, found := pair.Read(app.Name, files)
	active := map[string]bool{pair.CertificateFile: true, pair.KeyFile: true}
	for _, x := range found {
		severity := Warning // what waits, or has been, takes nothing away
		if active[x.File] && !x.Warning {
			severity = Error
		}
		f.add(Problem{File: dir + x.File, Line: x.Line, Column: x.Column, Severity: severity, Text: x.Text, Remedy: x.Remedy})
	}
	app.Pairs = l.pinned(f, set)
	l.judgeActive(f, app, dir)
}

// pinned applies what a bundle says of which pair is active.
func (l *loader) pinned(f *appFile, set pair.Set) pair.Set {
	set.Managed = l.managed
	fingerprint, pinned := l.activates[set.App]
	if !pinned || l.tree.secrets.closed {
		return set
	}
	out, err := set.Pin(fingerprint)
	if err != nil {
		f.fail("saml/"+set.App+"/"+pair.CertificateFile, 0, err.Error(), "build the bundle anew")
		return set
	}
	return out
}

// judgeActive says what is wrong with the pair that signs.
func (l *loader) judgeActive(f *appFile, app *snapshot.App, dir string) {
	if f.failed {
		return
	}
	slot := app.Pairs.Active
	p, whole := slot.Pair()
	switch {
	case whole:
		for _, x := range pair.Judge(p.Certificate, l.now) {
			f.warn(dir+pair.CertificateFile, 0, x.Text, x.Remedy)
		}
		l.expiring(f, dir, p.Certificate.NotAfter)
	case l.tree.secrets.closed && slot.Certificate != nil && slot.Key == nil:
		// its key is sealed
	case slot.Missing() == pair.PartKey:
		f.fail(dir+pair.KeyFile, 0, "half a pair: the private key is missing", "it belongs beside "+dir+pair.CertificateFile)
	case slot.Missing() == pair.PartCertificate:
		f.fail(dir+pair.CertificateFile, 0, "half a pair: the certificate is missing", "it belongs beside "+dir+pair.KeyFile)
	case !slot.IsEmpty():
		_, err := pair.New(slot.Certificate, slot.Key)
		f.fail(dir+pair.KeyFile, 0, err.Error(), "")
	case app.Activated:
		f.warn(dir+"app.yaml", 0, "the app is activated and has no certificate and key: nobody can sign in",
			"run gatehouse saml activate "+app.Name)
	}
}

func (l *loader) expiring(f *appFile, dir string, end time.Time) {
	left := end.Sub(l.now)
	if left > 0 && left <= pair.ExpiringBefore {
		f.warn(dir+pair.CertificateFile, 0, fmt.Sprintf("it expires on %s, in %d days", end.UTC().Format(time.DateOnly), int(left.Hours()/24)),
			"run gatehouse saml regenerate, and hand the new certificate to the service provider")
	}
}
