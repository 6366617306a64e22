package load

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"gatehouse/authcore/pki"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
)

// caYAML is the form of ca/NAME.yaml.
type caYAML struct {
	Scope struct {
		Domains []string `yaml:"domains"`
		Groups  []string `yaml:"groups"`
	} `yaml:"scope"`
	Revocation caRevocationYAML `yaml:"revocation"`
}

// caFile is one CA: its ca/NAME.pem and ca/NAME.yaml.
type caFile struct {
	*object
	chain string // ca/NAME.pem
	doc   *document
	ca    *snapshot.CA // nil when failed
	text  []byte       // of the chain
}

// readCA reads the CA called name; base is the policy's revocation.
func readCA(t *tree, name string, base *policy.Revocation, now time.Time) *caFile {
	f := &caFile{object: &object{name: "ca/" + name}, chain: "ca/" + name + ".pem"}
	ca := &snapshot.CA{Revocation: *base}
	if settings := "ca/" + name + ".yaml"; t.files[settings] {
		y := &caYAML{}
		y.Revocation.revocationYAML = fromRevocation(base)
		if f.doc = f.decode(t, settings, y); f.doc != nil {
			ca.Revocation = f.doc.caRevocation(&y.Revocation)
			ca.Scope = f.doc.scope(y)
		}
	}
	f.readChain(t, name, ca, now)
	if !f.failed {
		f.ca = ca
	}
	return f
}

func (f *caFile) readChain(t *tree, name string, ca *snapshot.CA, now time.Time) {
	if err := t.unreadable[f.chain]; err != nil {
		f.fail(f.chain, 0, "the file cannot be read: "+err.Error(), "")
		return
	}
	if !t.files[f.chain] {
		f.fail("ca/"+name+".yaml", 0, fmt.Sprintf("there is no %s", f.chain),
			"put the chain's certificates there, or remove this file")
		return
	}
	if !isName(name) {
		f.fail(f.chain, 0, "the name is not usable", nameRemedy)
	}
	data, err := f.read(t, f.chain)
	if err != nil {
		f.fail(f.chain, 0, "the file cannot be read: "+err.Error(), "")
		return
	}
	f.text = data
	certs, err := pki.ParseCertificates(data)
	if err != nil {
		line, text := pemError(err)
		f.fail(f.chain, line, text, "")
		return
	}
	if ca.CA, err = pki.NewCA(name, certs); err != nil {
		f.fail(f.chain, f.lineOf(err), err.Error(), "keep only the certificates of CAs in this file")
		return
	}
	for _, w := range ca.Warnings(now) {
		f.warn(f.chain, 0, w, "")
	}
}

// lineOf returns the line of the certificate that err is about.
func (f *caFile) lineOf(err error) int {
	var e *pki.CAError
	if !errors.As(err, &e) || e.Certificate == nil {
		return 0
	}
	index := -1
	for i, line := range strings.Split(string(f.text), "\n") {
		if strings.Contains(line, "-----BEGIN ") {
			index++
		}
		if index == e.Index {
			return i + 1
		}
	}
	return 0
}

// pemError takes line and text from an error about a PEM file.
func pemError(err error) (int, string) {
	var e *pki.PEMError
	if errors.As(err, &e) {
		return e.Line, e.Text
	}
	return 0, err.Error()
}

// scope judges for whom a CA may vouch.
func (d *document) scope(y *caYAML) policy.Scope {
	var domains []string
	for i, domain := range y.Scope.Domains {
		domain = strings.ToLower(strings.TrimPrefix(domain, "@"))
		if !isDomain(domain) {
			d.report(Error, fmt.Sprintf("scope.domains[%d]", i),
				fmt.Sprintf("%q is no e-mail domain", clip(domain)), "write it like acme.example")
		}
		domains = append(domains, domain)
	}
	d.names("scope.domains", domains)
	d.names("scope.groups", y.Scope.Groups)
	return policy.Scope{Domains: domains, Groups: y.Scope.Groups}
}

// stem returns the name of the object that a file is of.
func stem(file string) string {
	base := path.Base(file)
	return strings.TrimSuffix(base, path.Ext(base))
}
