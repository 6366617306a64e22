package load

import (
	"io"
	"iter"
	"path"

	"gatehouse/sync/strictyaml"
)

// userRecord is one user as a file writes it down, whatever the file's form.
type userRecord struct {
	userYAML
	at func(field string) strictyaml.Position // where a field stands, or the record
}

// userYAML holds the fields of a user.
type userYAML struct {
	Username string   `yaml:"username"`
	Email    string   `yaml:"email"`
	Aliases  []string `yaml:"aliases"`
	Name     string   `yaml:"name"`
	Groups   []string `yaml:"groups"`
	State    string   `yaml:"state"`
	Password string   `yaml:"password"`
	NTHash   string   `yaml:"nt_hash"`
	TOTP     string   `yaml:"totp"`
	VLAN     string   `yaml:"vlan"`
}

// userKeys are the fields in the order of the documentation.
var userKeys = []string{"username", "email", "aliases", "name", "groups", "state", "password",
	"nt_hash", "totp", "vlan"}

// field returns where the value of key goes: a text or a list. Both nil: there is no such key.
func (y *userYAML) field(key string) (text *string, list *[]string) {
	switch key {
	case "username":
		return &y.Username, nil
	case "email":
		return &y.Email, nil
	case "aliases":
		return nil, &y.Aliases
	case "name":
		return &y.Name, nil
	case "groups":
		return nil, &y.Groups
	case "state":
		return &y.State, nil
	case "password":
		return &y.Password, nil
	case "nt_hash":
		return &y.NTHash, nil
	case "totp":
		return &y.TOTP, nil
	case "vlan":
		return &y.VLAN, nil
	}
	return nil, nil
}

// records is a list of users being read, one at a time. A record comes with the problems found
// in it, and is nil when it could not be read at all; it is valid until the next one is read.
type records = iter.Seq2[*userRecord, []strictyaml.Problem]

// readRecords reads the users in a file by the form that its name says.
func readRecords(file string, r io.Reader) records {
	switch path.Ext(file) {
	case ".jsonl":
		return jsonRecords(r)
	case ".csv":
		return csvRecords(r)
	}
	return yamlRecords(r)
}
