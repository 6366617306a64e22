package webui

import (
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	"gatehouse/authcore/policy"
)

// radiusMarks are the lights of the states of RADIUS servers.
var radiusMarks = map[string]mark{
	RADIUSInForce: {"ok", "in force"}, RADIUSKept: {"warn", "an older version is in force"},
	RADIUSReduced: {"warn", "in force without some CAs"}, RADIUSLeftOut: {"bad", "not in force"},
}

// A radiusRow is a RADIUS server in the list.
type radiusRow struct {
	RADIUSServer
	State   mark
	HowMany string // clients
}

// A radiusList is the list.
type radiusList struct {
	Rows    []radiusRow
	Managed string
	May     bool // change them
	News    *radiusNews
}

// radiusNews is what somebody is told once, after saving.
type radiusNews struct {
	Text    string
	Secrets map[string]string
}

// news holds what people are told once, by session. Its zero value is ready.
type news struct {
	mu   sync.Mutex // guards what follows
	kept map[string]radiusNews
}

// maxNews bounds those whom news wait for.
const maxNews = 64

func (n *news) keep(who person, what radiusNews) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.kept == nil || len(n.kept) >= maxNews {
		n.kept = map[string]radiusNews{}
	}
	n.kept[who.Session.ID] = what
}

// tell returns what waits for somebody, once.
func (n *news) tell(who person) *radiusNews {
	n.mu.Lock()
	defer n.mu.Unlock()
	what, ok := n.kept[who.Session.ID]
	if !ok {
		return nil
	}
	delete(n.kept, who.Session.ID)
	return &what
}

// saved says what came of a change.
func savedNews(what string, s RADIUSSaved) radiusNews {
	if s.Generation == 0 {
		return radiusNews{what + ". It is written, and not in force yet: see the status page.", s.Secrets}
	}
	return radiusNews{fmt.Sprintf("%s: live, generation %d.", what, s.Generation), s.Secrets}
}

func (p *pages) radiusServers(w http.ResponseWriter, _ *http.Request, who person) {
	v := radiusList{Managed: p.api.RADIUS.Managed(), News: p.news.tell(who)}
	v.May = v.Managed == "" && who.may(policy.RoleAdmin)
	for _, s := range p.api.RADIUS.List() {
		v.Rows = append(v.Rows, radiusRow{s, radiusMarks[s.State], count(len(s.Clients), "client")})
	}
	p.render(w, who, "radius", view{Title: "RADIUS servers", Tab: "setup", Body: v})
}

// A radiusForm is one RADIUS server, to be looked at or changed.
type radiusForm struct {
	RADIUSServer
	State    mark
	New      bool
	May      bool
	Managed  string
	News     *radiusNews
	Password bool // is the method
	CAs      []caChoice
	SSIDs    []string
	NASs     []string
	Rows     []clientRow
}

// A caChoice is a CA that may be picked.
type caChoice struct {
	Name    string
	Checked bool
	Own     bool // of the server as it is in force
}

// A clientRow is a client as the form has it.
type clientRow struct{ Was, Name, Address string }

func (p *pages) addRADIUSForm(w http.ResponseWriter, _ *http.Request, who person) {
	p.showRADIUS(w, who, view{}, RADIUSServer{State: RADIUSLeftOut}, nil)
}

func (p *pages) oneRADIUS(w http.ResponseWriter, r *http.Request, who person) {
	s, err := p.api.RADIUS.Get(r.PathValue("name"))
	if err != nil {
		p.fail(w, who, "No such RADIUS server", err)
		return
	}
	p.showRADIUS(w, who, view{}, s, nil)
}

// showRADIUS shows a server; one without a name is about to be made. Asked is what somebody has
// filled in that was refused, nil if nothing was.
func (p *pages) showRADIUS(w http.ResponseWriter, who person, v view, s RADIUSServer, asked *RADIUSChange) {
	f := radiusForm{RADIUSServer: s, State: radiusMarks[s.State], New: s.Name == "", Managed: p.api.RADIUS.Managed(), News: p.news.tell(who)}
	f.May = f.Managed == "" && who.may(policy.RoleAdmin)
	checked := s.CAs
	f.SSIDs, f.NASs = s.SSID, s.NASIdentifier
	for _, c := range s.Clients {
		if c.TLS == "" {
			f.Rows = append(f.Rows, clientRow{c.Name, c.Name, c.Address})
		}
	}
	if asked != nil {
		f.Password = asked.Method == string(policy.PasswordMethod)
		if asked.CAs != nil {
			checked = asked.CAs
		}
		if asked.SSID != nil {
			f.SSIDs = asked.SSID
		}
		if asked.NASIdentifier != nil {
			f.NASs = asked.NASIdentifier
		}
		f.ask(asked.Clients)
	}
	f.Rows = append(f.Rows, clientRow{})
	for _, ca := range p.api.RADIUS.CAs() {
		f.CAs = append(f.CAs, caChoice{ca, slices.Contains(checked, ca), slices.Contains(s.CAs, ca)})
	}
	v.Title, v.Tab, v.Body = s.Name, "setup", f
	if f.New {
		v.Title = "Add a RADIUS server"
	}
	p.render(w, who, "radiusserver", v)
}

// ask has the rows of clients be as they were filled in, but for secrets.
func (f *radiusForm) ask(clients []RADIUSClientChange) {
	for _, c := range clients {
		row := clientRow{c.Was, c.Name, c.Address}
		if i := slices.IndexFunc(f.Rows, func(r clientRow) bool { return r.Was == c.Was }); i >= 0 && c.Was != "" {
			f.Rows[i] = row
		} else {
			f.Rows = append(f.Rows, row)
		}
	}
}

// addRADIUS makes a server.
func (p *pages) addRADIUS(w http.ResponseWriter, r *http.Request, who person) {
	change, err := readRADIUSForm(r, nil)
	name := strings.TrimSpace(r.PostFormValue("name"))
	if err == nil {
		var saved RADIUSSaved
		change.By, change.Create = "account "+who.Name, true
		if saved, err = p.api.RADIUS.Put(name, change); err == nil {
			p.news.keep(who, savedNews(name+" is saved", saved))
			redirect(w, r, "/setup/radius")
			return
		}
	}
	p.showRADIUS(w, who, view{Status: statusOf(err), Error: said(err)}, RADIUSServer{State: RADIUSLeftOut}, &change)
}

// changeRADIUS saves a server, or takes one CA off it.
func (p *pages) changeRADIUS(w http.ResponseWriter, r *http.Request, who person) {
	s, err := p.api.RADIUS.Get(r.PathValue("name"))
	if err != nil {
		p.fail(w, who, "No such RADIUS server", err)
		return
	}
	back, what := "/setup/radius", s.Name+" is saved"
	change, err := readRADIUSForm(r, &s)
	if drop := r.PostFormValue("drop"); err == nil && drop != "" { // what else is in the form waits
		change = RADIUSChange{Version: change.Version, RemoveCAs: []string{drop}}
		back, what = "/setup/radius/"+s.Name, "The CA "+drop+" is no longer one of "+s.Name
	}
	if err == nil {
		var saved RADIUSSaved
		change.By = "account " + who.Name
		if saved, err = p.api.RADIUS.Put(s.Name, change); err == nil {
			p.news.keep(who, savedNews(what, saved))
			redirect(w, r, back)
			return
		}
	}
	asked := &change
	if change.RemoveCAs != nil {
		asked = nil
	}
	p.showRADIUS(w, who, view{Status: statusOf(err), Error: said(err)}, s, asked)
}

// removeRADIUS removes a server.
func (p *pages) removeRADIUS(w http.ResponseWriter, r *http.Request, who person) {
	name := r.PathValue("name")
	saved, err := p.api.RADIUS.Delete(name, "account "+who.Name)
	if err != nil {
		p.fail(w, who, "Not removed", err)
		return
	}
	p.news.keep(who, savedNews(name+" is removed", saved))
	redirect(w, r, "/setup/radius")
}

// statusOf is the status of a form that was refused.
func statusOf(err error) int {
	switch {
	case errors.Is(err, ErrRefused):
		return http.StatusConflict
	case errors.Is(err, ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, ErrInvalid):
		return http.StatusBadRequest
	case errors.Is(err, ErrBusy):
		return http.StatusTooManyRequests
	}
	return http.StatusInternalServerError
}

// readRADIUSForm reads what was filled in. Old is the server as it is, nil for a new one.
func readRADIUSForm(r *http.Request, old *RADIUSServer) (RADIUSChange, error) {
	if err := r.ParseMultipartForm(maxSAMLUpload + maxForm); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return RADIUSChange{}, fmt.Errorf("%w: reading the form: %w", ErrInvalid, err)
	}
	c := RADIUSChange{Version: r.PostFormValue("version"), Method: r.PostFormValue("method"),
		CAs: append([]string{}, r.PostForm["ca"]...), SSID: linesOf(r.PostFormValue("ssid")),
		NASIdentifier: linesOf(r.PostFormValue("nas_identifier"))}
	if old != nil && slices.Equal(slices.Sorted(slices.Values(c.CAs)), slices.Sorted(slices.Values(old.CAs))) {
		c.CAs = nil // the file may name some that are not in force
	}
	if old != nil && slices.Equal(c.SSID, shownLines(old.SSID)) {
		c.SSID = nil
	}
	if old != nil && slices.Equal(c.NASIdentifier, shownLines(old.NASIdentifier)) {
		c.NASIdentifier = nil
	}
	var err error
	if c.Uploads, err = readCAFiles(r); err != nil {
		return c, err
	}
	was, names, addresses, secrets := r.PostForm["was"], r.PostForm["client"], r.PostForm["address"], r.PostForm["secret"]
	if len(was) != len(names) || len(was) != len(addresses) || len(was) != len(secrets) {
		return c, fmt.Errorf("%w: the form came incomplete: try again", ErrInvalid)
	}
	for i := range was {
		one := RADIUSClientChange{Was: was[i], Name: strings.TrimSpace(names[i]), Address: strings.TrimSpace(addresses[i]), Secret: secrets[i]}
		if one.Was == "" && one.Name == "" && one.Address == "" {
			continue
		}
		one.Generate = one.Was != "" && slices.Contains(r.PostForm["generate"], one.Was)
		one.Remove = one.Was != "" && slices.Contains(r.PostForm["remove"], one.Was)
		if !isUntouched(one, old) {
			c.Clients = append(c.Clients, one)
		}
	}
	return c, nil
}

// isUntouched reports whether a row says what is so already.
func isUntouched(c RADIUSClientChange, old *RADIUSServer) bool {
	return old != nil && c.Secret == "" && !c.Generate && !c.Remove &&
		slices.ContainsFunc(old.Clients, func(o RADIUSClient) bool {
			return o.Name == c.Was && o.Name == c.Name && o.Address == c.Address
		})
}

// readCAFiles reads the files of CAs in a form: a new one, and those that replace others.
func readCAFiles(r *http.Request) (uploads []CAUpload, err error) {
	if r.MultipartForm == nil {
		return nil, nil
	}
	for field, files := range r.MultipartForm.File {
		replaced, isReplacement := strings.CutPrefix(field, "replace-")
		if len(files) != 1 || files[0].Size == 0 || !isReplacement && field != "ca_file" {
			continue
		}
		data, err := readFormFile(files[0])
		if err != nil {
			return nil, err
		}
		u := CAUpload{Name: replaced, PEM: string(data), Replace: isReplacement}
		if !isReplacement {
			if u.Name = strings.TrimSpace(r.PostFormValue("ca_name")); u.Name == "" {
				u.Name = caNameOf(files[0].Filename)
			}
		}
		uploads = append(uploads, u)
	}
	return uploads, nil
}

// caNameOf makes the name of a CA of that of its file.
func caNameOf(file string) string {
	file = path.Base(strings.ReplaceAll(file, `\`, "/"))
	file = strings.TrimSuffix(file, path.Ext(file))
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, file)
	name = strings.Trim(name, "-.")
	return name[:min(len(name), 64)]
}

// linesOf are the lines of a text that say something.
func linesOf(text string) []string {
	lines := []string{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// shownLines are what linesOf makes of a list as it is shown.
func shownLines(list []string) []string {
	shown := make([]string, 0, len(list))
	for _, s := range list {
		shown = append(shown, clean(s))
	}
	return linesOf(strings.Join(shown, "\n"))
}
