package appliance

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strings"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/load"
	"gatehouse/webui"
)

// radiusAPI is what the API asks about RADIUS servers.
func (a *Appliance) radiusAPI() webui.RADIUSServers {
	return webui.RADIUSServers{
		List: a.radiusServers, Get: a.radiusServer, CAs: a.caNames, Put: a.putRADIUS, Delete: a.deleteRADIUS,
		Counts: a.radiusStatus, Managed: a.whyManaged,
	}
}

// whyManaged says why nothing is changed here; "": it may be.
func (a *Appliance) whyManaged() string {
	if err := a.managed(); err != nil {
		return strings.TrimPrefix(err.Error(), webui.ErrRefused.Error()+": ")
	}
	return ""
}

// caNames returns the names of the CAs in force.
func (a *Appliance) caNames() []string {
	names := []string{}
	if sn := a.holder.Load(); sn != nil {
		for _, ca := range sn.Draft().CAs {
			names = append(names, ca.Name)
		}
	}
	return names
}

// radiusServers returns the RADIUS servers in force, and those that are left out.
func (a *Appliance) radiusServers() []webui.RADIUSServer {
	list := []webui.RADIUSServer{}
	sn := a.holder.Load()
	if sn != nil {
		for _, name := range sn.ServerNames() {
			list = append(list, describeServer(sn.Server(name)))
		}
	}
	for _, p := range a.reconciler.Last().Problems {
		name, ok := strings.CutPrefix(p.Object, "radius/")
		if !ok {
			continue
		}
		i := slices.IndexFunc(list, func(s webui.RADIUSServer) bool { return s.Name == name })
		if i < 0 {
			list = append(list, webui.RADIUSServer{Name: name, State: webui.RADIUSLeftOut, CAs: []string{},
				Clients: []webui.RADIUSClient{}, SSID: []string{}, NASIdentifier: []string{}, Problems: []webui.Problem{}})
			i = len(list) - 1
		}
		list[i].Problems = append(list[i].Problems, problems(load.Problems{p})...)
		if p.Severity == load.Error && p.Effect != "" && list[i].State == webui.RADIUSInForce {
			list[i].State = string(p.Effect)
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// primaryWords are how people call the methods.
var primaryWords = map[policy.AuthMethod]string{policy.Passwordless: "Certificate", policy.PasswordMethod: "Password"}

func describeServer(s *snapshot.Server) webui.RADIUSServer {
	d := webui.RADIUSServer{Name: s.Name, Primary: primaryWords[s.Method], AllowPassword: s.AllowPassword,
		CAs: listed(s.CAs), Clients: []webui.RADIUSClient{}, SSID: listed(s.Match.SSID),
		NASIdentifier: listed(s.Match.NASIdentifier), State: webui.RADIUSInForce, Problems: []webui.Problem{}}
	for _, c := range s.Clients {
		one := webui.RADIUSClient{Name: c.Name, MessageAuthenticator: string(c.MessageAuthenticator), SecretSet: len(c.Secret) > 0}
		switch {
		case c.TLSSAN != "":
			one.TLS = "san " + c.TLSSAN
		case c.TLSSHA256 != "":
			one.TLS = "sha256 " + c.TLSSHA256
		case c.Prefix.IsSingleIP():
			one.Address = c.Prefix.Addr().String()
		default:
			one.Address = c.Prefix.String()
		}
		d.Clients = append(d.Clients, one)
	}
	return d
}

// errNoRADIUS says that there is no RADIUS server of the name.
func errNoRADIUS(name string) error {
	return fmt.Errorf("%w: there is no RADIUS server %q", webui.ErrNotFound, audit.Printable(name))
}

func (a *Appliance) radiusServer(name string) (webui.RADIUSServer, error) {
	for _, s := range a.radiusServers() {
		if s.Name != name {
			continue
		}
		if a.managed() == nil {
			if data, err := a.confdir.Read(serverFile(name)); err == nil {
				s.Version = a.versionOf(data)
			}
		}
		return s, nil
	}
	return webui.RADIUSServer{}, errNoRADIUS(name)
}

func serverFile(name string) string { return "radius/" + name + ".yaml" }

// versionOf stands for the content of a file with secrets, to this process alone: a plain hash
// would let whoever sees it guess at them.
func (a *Appliance) versionOf(data []byte) string {
	mac := hmac.New(sha256.New, a.versionKey[:])
	mac.Write(data)
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// checkName admits what may name a file of the configuration that is read.
func checkName(kind, name string) error {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-_", r)
	}
	if name == "" || len(name) > 64 || name[0] == '.' || strings.HasPrefix(name, "README") ||
		strings.ContainsFunc(name, func(r rune) bool { return !plain(r) }) {
		return fmt.Errorf("%w: the name %q of the %s cannot be used: write up to 64 letters, digits, dots, hyphens and underscores",
			webui.ErrInvalid, audit.Printable(name[:min(len(name), 100)]), kind)
	}
	return nil
}

// deleteRADIUS removes a server.
func (a *Appliance) deleteRADIUS(name, by string) (webui.RADIUSSaved, error) {
	if err := checkName("RADIUS server", name); err != nil {
		return webui.RADIUSSaved{}, err
	}
	e := newServerEdit(a, name, webui.RADIUSChange{By: by})
	generation, err := a.edit(edit{by: by, what: "RADIUS server removed", file: serverFile(name), prepare: e.remove})
	return webui.RADIUSSaved{Generation: generation}, err
}

// putRADIUS changes a server or makes it.
func (a *Appliance) putRADIUS(name string, c webui.RADIUSChange) (webui.RADIUSSaved, error) {
	if err := checkName("RADIUS server", name); err != nil {
		return webui.RADIUSSaved{}, err
	}
	e := newServerEdit(a, name, c)
	generation, err := a.edit(edit{by: c.By, what: "RADIUS server saved", file: serverFile(name), prepare: e.prepare})
	if err != nil {
		return webui.RADIUSSaved{}, err
	}
	saved := webui.RADIUSSaved{Generation: generation, Secrets: e.secrets}
	if now, err := a.radiusServer(name); err == nil {
		saved.Server = &now
	}
	return saved, nil
}

// readServerFile returns radius/NAME.yaml, nil if there is none.
func (a *Appliance) readServerFile(name string) ([]byte, error) {
	data, err := a.confdir.Read(serverFile(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && data == nil {
		data = []byte{}
	}
	return data, err
}

// What commands about RADIUS servers ask and print, by the names of their makers.
type (
	RADIUSServer       = webui.RADIUSServer
	RADIUSClient       = webui.RADIUSClient
	RADIUSChange       = webui.RADIUSChange
	RADIUSClientChange = webui.RADIUSClientChange
	RADIUSSaved        = webui.RADIUSSaved
	CAUpload           = webui.CAUpload
	ClientsSeen        = webui.ClientsSeen
	ClientSeen         = webui.ClientSeen
)
