package appliance

import (
	"bytes"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"gatehouse/appliance/confdir"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
	"gatehouse/sync/strictyaml"
	"gatehouse/webui"
)

// Refusals of a change, in the words of the page that asks for it.
var (
	errNeedsCA    = fmt.Errorf("%w: a passwordless server needs at least one CA: choose its file, or pick one that is there", webui.ErrInvalid)
	errLastCA     = fmt.Errorf("%w: this is the last CA of the server, and a passwordless server needs one: bring another one first", webui.ErrInvalid)
	errNoPassword = fmt.Errorf("%w: passwords are not available yet: they come with a later version; choose passwordless", webui.ErrInvalid)
	errMoved      = fmt.Errorf("%w: somebody else has changed this server since you looked at it: open it again", webui.ErrRefused)
	errKeyInCA    = fmt.Errorf("%w: there is a private key in the file: nothing was kept of it; choose a file with certificates only", webui.ErrInvalid)
)

// A serverEdit turns a RADIUSChange into files.
type serverEdit struct {
	a       *Appliance
	name    string
	change  webui.RADIUSChange
	secrets map[string]string // that were made
	cas     []string          // of the server, as wanted
}

func newServerEdit(a *Appliance, name string, c webui.RADIUSChange) *serverEdit {
	return &serverEdit{a: a, name: name, change: c}
}

// writtenServer is what an edit builds on of radius/NAME.yaml. Other keys are passed over.
type writtenServer struct {
	Match struct {
		SSID          []string `yaml:"ssid"`
		NASIdentifier []string `yaml:"nas_identifier"`
	} `yaml:"match"`
	Authentication struct {
		Method string   `yaml:"method"`
		CA     []string `yaml:"ca"`
	} `yaml:"authentication"`
	Clients []struct {
		Name string `yaml:"name"`
	} `yaml:"clients"`
}

// remove is edit.prepare.
func (e *serverEdit) remove() (confdir.Change, error) {
	if old, err := e.a.readServerFile(e.name); err != nil || old == nil {
		return confdir.Change{}, errors.Join(err, errNoRADIUS(e.name))
	}
	return confdir.Change{Remove: []string{serverFile(e.name)}}, nil
}

// prepare is edit.prepare.
func (e *serverEdit) prepare() (confdir.Change, error) {
	old, err := e.a.readServerFile(e.name)
	if err != nil {
		return confdir.Change{}, err
	}
	switch {
	case old == nil && !e.change.Create:
		return confdir.Change{}, errNoRADIUS(e.name)
	case old != nil && e.change.Create:
		return confdir.Change{}, fmt.Errorf("%w: there is a RADIUS server %q already", webui.ErrRefused, e.name)
	case e.change.Version != "" && e.change.Version != e.a.versionOf(old):
		return confdir.Change{}, errMoved
	}
	var was writtenServer
	// Other problems than that it is no YAML, the check of the whole finds.
	if at, problems := strictyaml.Decode(old, &was); len(problems) > 0 && !at.Has("") {
		return confdir.Change{}, e.explain(&strictyaml.SyntaxError{Problems: problems})
	}
	files, err := e.trust(&was)
	if err != nil {
		return confdir.Change{}, err
	}
	text, err := e.write(old, &was)
	if err != nil {
		return confdir.Change{}, e.explain(err)
	}
	if !bytes.Equal(text, old) {
		files.Write = append(files.Write, confdir.File{Path: serverFile(e.name), Data: text, Secret: true})
	}
	return files, nil
}

// explain says what to do about a file that is not understood.
func (e *serverEdit) explain(err error) error {
	var syntax *strictyaml.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("%w: %s has to be mended by hand first: %w", webui.ErrRefused, serverFile(e.name), err)
	case errors.Is(err, strictyaml.ErrByHand):
		return fmt.Errorf("%w: %s: %w", webui.ErrRefused, serverFile(e.name), err)
	}
	return err
}

// trust settles which CAs the server is to have, and the files that come and go for that.
func (e *serverEdit) trust(was *writtenServer) (files confdir.Change, err error) {
	method := e.change.Method
	if method == "" {
		method = was.Authentication.Method
	}
	if method == string(policy.PasswordMethod) {
		return files, errNoPassword
	}
	wanted := e.change.CAs
	if wanted == nil {
		wanted = was.Authentication.CA
	}
	wanted = slices.DeleteFunc(slices.Clone(wanted), func(ca string) bool { return slices.Contains(e.change.RemoveCAs, ca) })
	for _, u := range e.change.Uploads {
		file, err := e.a.caFile(u)
		if err != nil {
			return files, err
		}
		files.Write = append(files.Write, file)
		wanted = append(wanted, u.Name)
	}
	e.cas = inOrder(was.Authentication.CA, wanted)
	if len(e.cas) == 0 && len(e.change.RemoveCAs) > 0 {
		return files, errLastCA
	}
	if len(e.cas) == 0 {
		return files, errNeedsCA
	}
	for _, ca := range e.change.RemoveCAs {
		if err := checkName("CA", ca); err != nil {
			return files, err
		}
		if !e.a.isNamedElsewhere(ca, e.name) {
			files.Remove = append(files.Remove, "ca/"+ca+".pem", "ca/"+ca+".yaml")
		}
	}
	return files, nil
}

// isNamedElsewhere reports whether anything in force but the server trusts the CA.
func (a *Appliance) isNamedElsewhere(ca, server string) bool {
	sn := a.holder.Load()
	if sn == nil || sn.IDP() != nil && slices.Contains(sn.IDP().CAs, ca) {
		return true
	}
	for _, name := range sn.ServerNames() {
		if name != server && slices.Contains(sn.Server(name).CAs, ca) {
			return true
		}
	}
	return false
}

// caFile is ca/NAME.pem of what somebody uploads: the certificates and nothing else.
func (a *Appliance) caFile(u webui.CAUpload) (confdir.File, error) {
	file := confdir.File{Path: "ca/" + u.Name + ".pem"}
	if err := checkName("CA", u.Name); err != nil {
		return file, err
	}
	if bytes.Contains([]byte(u.PEM), []byte("PRIVATE KEY-----")) {
		return file, errKeyInCA
	}
	if _, err := a.confdir.Read(file.Path); !errors.Is(err, fs.ErrNotExist) && !u.Replace {
		return file, fmt.Errorf("%w: there is a CA %q already: pick it, replace it, or give the file another name", webui.ErrRefused, u.Name)
	}
	chain, err := parseChain([]byte(u.PEM))
	if err != nil {
		return file, fmt.Errorf("%w: the file of the CA: %w", webui.ErrInvalid, err)
	}
	for _, c := range chain {
		file.Data = append(file.Data, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return file, nil
}

// write returns the new text of the server's file.
func (e *serverEdit) write(old []byte, was *writtenServer) ([]byte, error) {
	names := []string{}
	for _, c := range was.Clients {
		names = append(names, c.Name)
	}
	for i := range e.change.Clients {
		c := &e.change.Clients[i]
		if c.Was == "" {
			c.Was = c.Name
		}
		known := slices.Contains(names, c.Was)
		if c.Create && known {
			return nil, fmt.Errorf("%w: %s has a client %q already: choose another name, or change that one",
				webui.ErrRefused, e.name, audit.Printable(c.Was))
		}
		if c.Remove && !known {
			return nil, fmt.Errorf("%w: there is no client %q", webui.ErrNotFound, audit.Printable(c.Was))
		}
		if !c.Remove && (c.Generate || !known && c.Secret == "") {
			e.generate(c)
		}
	}
	if old == nil {
		return e.print(), nil
	}
	return strictyaml.Edit(old, e.changes(was, names)...)
}

// generate makes a secret for a client.
func (e *serverEdit) generate(c *webui.RADIUSClientChange) {
	c.Secret = rand.Text() // 26 characters, 130 bits
	if e.secrets == nil {
		e.secrets = map[string]string{}
	}
	e.secrets[c.Name] = c.Secret
}

// print returns a new file.
func (e *serverEdit) print() []byte {
	server := strictyaml.Fields{{Key: "authentication", Value: strictyaml.Fields{
		{Key: "method", Value: string(policy.Passwordless)}, {Key: "ca", Value: e.cas}}}}
	if p := e.change.AllowPassword; p != nil && *p {
		authentication := append(server[0].Value.(strictyaml.Fields), strictyaml.Field{Key: "allow_password", Value: true})
		server[0].Value = authentication
	}
	match := strictyaml.Fields{}
	for _, m := range e.matches() {
		if list := m.Value.([]string); len(list) > 0 {
			match = append(match, m)
		}
	}
	if len(match) > 0 {
		server = append(strictyaml.Fields{{Key: "match", Value: match}}, server...)
	}
	clients := []strictyaml.Fields{}
	for _, c := range e.change.Clients {
		clients = append(clients, clientFields(c))
	}
	server = append(server, strictyaml.Field{Key: "clients", Value: clients})
	return append([]byte("# Made by the web interface or a command; it may be edited by hand.\n"), strictyaml.Print(server)...)
}

// matches are the lists that tell servers apart; one that is nil stays as it is.
func (e *serverEdit) matches() []strictyaml.Field {
	return []strictyaml.Field{{Key: "ssid", Value: e.change.SSID}, {Key: "nas_identifier", Value: e.change.NASIdentifier}}
}

// changes are those of a file that is there.
func (e *serverEdit) changes(was *writtenServer, names []string) []strictyaml.Change {
	var changes []strictyaml.Change
	set := func(value any, path ...string) {
		changes = append(changes, strictyaml.Change{Path: path, Value: value})
	}
	if m := e.change.Method; m != "" && m != was.Authentication.Method {
		set(m, "authentication", "method")
	}
	if !slices.Equal(e.cas, was.Authentication.CA) {
		set(e.cas, "authentication", "ca")
	}
	if p := e.change.AllowPassword; p != nil {
		set(*p, "authentication", "allow_password")
	}
	for i, m := range e.matches() {
		have := [][]string{was.Match.SSID, was.Match.NASIdentifier}[i]
		if list := inOrder(have, m.Value.([]string)); len(list) > 0 {
			set(list, "match", m.Key)
		} else if m.Value.([]string) != nil {
			set(nil, "match", m.Key)
		}
	}
	for _, c := range e.change.Clients {
		changes = append(changes, clientChanges(c, slices.Contains(names, c.Was))...)
	}
	return changes
}

// inOrder returns want, each once, in the order of have and then its own: a list is not turned
// round in a file where comments may stand between.
func inOrder(have, want []string) (list []string) {
	for _, s := range append(slices.Clone(have), want...) {
		if slices.Contains(want, s) && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// clientFields are what a change says of a client, its name first.
func clientFields(c webui.RADIUSClientChange) strictyaml.Fields {
	fields := strictyaml.Fields{{Key: "name", Value: c.Name}}
	for _, f := range []strictyaml.Field{{Key: "address", Value: c.Address}, {Key: "secret", Value: c.Secret},
		{Key: "message_authenticator", Value: c.MessageAuthenticator}} {
		if f.Value != "" {
			fields = append(fields, f)
		}
	}
	return fields
}

// clientChanges add a client, or change or remove one that is there.
func clientChanges(c webui.RADIUSClientChange, known bool) []strictyaml.Change {
	path := func(keys ...string) []string { return append([]string{"clients", c.Was}, keys...) }
	switch {
	case c.Remove:
		return []strictyaml.Change{{Path: path()}}
	case !known:
		return []strictyaml.Change{{Path: path(), Value: strictyaml.Item(clientFields(c))}}
	}
	var changes []strictyaml.Change
	if c.Secret != "" {
		changes = append(changes, strictyaml.Change{Path: path("secret_file")}, strictyaml.Change{Path: path("secret_ref")})
	}
	for _, f := range clientFields(c)[1:] {
		changes = append(changes, strictyaml.Change{Path: path(f.Key), Value: f.Value})
	}
	return append(changes, strictyaml.Change{Path: path("name"), Value: c.Name}) // the path finds it until then
}
