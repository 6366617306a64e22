package load

import "gatehouse/authcore/policy"

// serverYAML is the form of radius/NAME.yaml.
type serverYAML struct {
	Match struct {
		SSID          []string `yaml:"ssid"`
		NASIdentifier []string `yaml:"nas_identifier"`
	} `yaml:"match"`
	Authentication struct {
		Method        string   `yaml:"method"`
		AllowPassword bool     `yaml:"allow_password"`
		CA            []string `yaml:"ca"`
		MFA           string   `yaml:"mfa"`
	} `yaml:"authentication"`
	Clients []clientYAML `yaml:"clients"`
	Users   struct {
		Groups []string `yaml:"groups"`
	} `yaml:"users"`
	Reply []replyYAML `yaml:"reply"`
}

// serverFile is one RADIUS server.
type serverFile struct {
	*object
	doc    *document
	server *policy.Server // nil when failed
	named  []string       // CAs, also when failed
}

// readServer reads radius/name.yaml. Whether its CAs exist is checked later, when it is known
// which there are.
//
// A file that leaves out authentication.method means passwordless, and one that leaves out
// allow_password means false: what is not written down lets nobody in.
func readServer(t *tree, name string) *serverFile {
	f := &serverFile{object: &object{name: "radius/" + name}}
	file := "radius/" + name + ".yaml"
	if !isName(name) {
		f.fail(file, 0, "the name is not usable", nameRemedy)
	}
	y := &serverYAML{}
	y.Authentication.Method, y.Authentication.MFA = string(policy.Passwordless), string(policy.MFANone)
	if f.doc = f.decode(t, file, y); f.doc == nil {
		return f
	}
	d := f.doc
	f.named = y.Authentication.CA
	d.names("match.ssid", y.Match.SSID)
	d.names("match.nas_identifier", y.Match.NASIdentifier)
	d.names("users.groups", y.Users.Groups)
	d.authentication(y)
	s := &policy.Server{
		Name:          name,
		Match:         policy.Match{SSID: y.Match.SSID, NASIdentifier: y.Match.NASIdentifier},
		Method:        policy.AuthMethod(y.Authentication.Method),
		AllowPassword: y.Authentication.AllowPassword,
		CAs:           y.Authentication.CA,
		MFA:           policy.MFA(y.Authentication.MFA),
		Clients:       d.clients(y.Clients),
		Groups:        y.Users.Groups,
		Reply:         d.replies(y.Reply),
	}
	if !f.failed {
		f.server = s
	}
	return f
}

func (d *document) authentication(y *serverYAML) {
	a, at := &y.Authentication, "authentication."
	if !d.oneOf(at+"method", a.Method, string(policy.Passwordless), string(policy.PasswordMethod)) {
		return
	}
	d.names(at+"ca", a.CA)
	if d.oneOf(at+"mfa", a.MFA, string(policy.MFANone), string(policy.MFATOTP)) &&
		a.MFA == string(policy.MFATOTP) {
		d.report(Warning, at+"mfa", "mfa: totp has no effect yet: it is for passwords only, and these are not available yet", "")
	}
	if a.Method == string(policy.PasswordMethod) {
		d.report(Error, at+"method", "passwords are not available yet", "write method: passwordless")
		return
	}
	if a.AllowPassword {
		d.report(Warning, at+"allow_password", "allow_password has no effect yet: passwords are not available yet", "")
	}
	if len(a.CA) == 0 {
		d.report(Error, at+"ca", "method passwordless needs at least one CA", "write ca: [NAME], with the NAME of a file ca/NAME.pem")
	}
	if len(y.Clients) == 0 {
		d.report(Warning, "clients", "the server has no clients: nobody can reach it", "")
	}
}
