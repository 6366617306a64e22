package appliance

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"gatehouse/appliance/confdir"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
	"gatehouse/sync/strictyaml"
	"gatehouse/webui"
)

// Types of the API, for commands.
type (
	LastHour       = webui.LastHour
	Session        = webui.Session
	SessionsEnded  = webui.SessionsEnded
	Account        = webui.Account
	NewPassword    = webui.NewPassword
	PasswordSet    = webui.PasswordSet
	PasswordChange = webui.PasswordChange
)

const adminsFile = "admins.yaml"

// Licences returns the licences of everything that is linked in, as text.
func Licences() ([]byte, error) { return webui.Licences() }

// accountsAPI is what the API asks about those who sign in to the pages.
func (a *Appliance) accountsAPI() webui.Accounts {
	return webui.Accounts{List: a.listAccounts, SetPassword: a.setPassword}
}

func (a *Appliance) listAccounts() []webui.Account {
	list := []webui.Account{}
	for _, p := range a.people() {
		source := adminsFile
		if a.isFirst(p.Username) {
			source = "first boot"
		}
		list = append(list, webui.Account{Username: p.Username, Role: string(p.Role), Source: source})
	}
	return list
}

// people are the accounts in force.
func (a *Appliance) people() []policy.Account {
	if a.firstAdmin == nil {
		return a.accounts()
	}
	return a.firstAdmin.people()
}

// isFirst reports whether the account of that name is the one that was made at first boot.
func (a *Appliance) isFirst(name string) bool {
	return a.firstAdmin != nil && a.firstAdmin.isOwn() && strings.EqualFold(name, firstAdminName)
}

// setPassword keeps another password of an account where that one stands: in the state directory,
// or in admins.yaml.
func (a *Appliance) setPassword(name, hash, by string) (webui.PasswordSet, error) {
	set := webui.PasswordSet{InForce: true}
	for _, p := range a.people() {
		if strings.EqualFold(p.Username, name) {
			set.Account = p.Username
		}
	}
	if set.Account == "" {
		return set, errNoAccount(name)
	}
	if a.isFirst(set.Account) {
		return set, a.firstAdmin.change(hash)
	}
	if err := a.managed(); err != nil {
		return set, fmt.Errorf("%w: have the hash that gatehouse admin hash makes put into its admins.yaml", err)
	}
	generation, err := a.edit(edit{by: by, what: "password of an account set", file: adminsFile,
		prepare: func() (confdir.Change, error) { return a.passwordEdit(set.Account, hash) }})
	set.Generation, set.InForce = generation, generation != 0
	return set, err
}

func errNoAccount(name string) error {
	return fmt.Errorf("%w: there is no account %q", webui.ErrNotFound, audit.Printable(name))
}

// passwordEdit has the account of that name, however its letters are written, have another hash.
func (a *Appliance) passwordEdit(name, hash string) (confdir.Change, error) {
	old, err := a.confdir.Read(adminsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return confdir.Change{}, errNoAccount(name)
	}
	if err != nil {
		return confdir.Change{}, err
	}
	var was struct {
		Accounts []struct {
			Username string `yaml:"username"`
		} `yaml:"accounts"`
	}
	strictyaml.Decode(old, &was) // what is wrong with it, the edit says, and the check of the whole
	for _, y := range was.Accounts {
		if strings.EqualFold(y.Username, name) {
			text, err := strictyaml.Edit(old, strictyaml.Change{Path: []string{"accounts", y.Username, "password"}, Value: hash})
			if err != nil {
				return confdir.Change{}, fmt.Errorf("%w: %s has to be changed by hand: %w", webui.ErrRefused, adminsFile, err)
			}
			return confdir.Change{Write: []confdir.File{{Path: adminsFile, Data: text, Secret: true}}}, nil
		}
	}
	return confdir.Change{}, fmt.Errorf("%w: the account %q is in force, and not in %s on the disk: mend that first",
		webui.ErrRefused, audit.Printable(name), adminsFile)
}
