package bundle

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"gatehouse/sync/strictyaml"
)

// A spot is a place in a file of the configuration where a secret stands, or a reference to one.
type spot struct {
	file string
	key  string // as it is written: secret, secret_file, secret_ref, password_file …
	at   strictyaml.Position
	text string // the secret, the name of its file, or the reference
	name string // how the secret is to be called
}

func (s spot) isRef() bool  { return strings.HasSuffix(s.key, "_ref") }
func (s spot) isFile() bool { return strings.HasSuffix(s.key, "_file") }

// where says where s stands, for a message.
func (s spot) where() string { return fmt.Sprintf("%s:%d:%d", s.file, s.at.Line, s.at.Column) }

// secretKeys are the three keys of which one holds a secret.
type secretKeys struct {
	Secret     string `yaml:"secret"`
	SecretFile string `yaml:"secret_file"`
	SecretRef  string `yaml:"secret_ref"`
}

// radiusSecrets is what is to be known of radius/NAME.yaml to find its secrets.
type radiusSecrets struct {
	Clients []struct {
		Name string `yaml:"name"`
		secretKeys
		CoA struct {
			secretKeys
		} `yaml:"coa"`
	} `yaml:"clients"`
}

// policySecrets is likewise for policy.yaml.
type policySecrets struct {
	Notices struct {
		SMTP struct {
			PasswordFile string `yaml:"password_file"`
			PasswordRef  string `yaml:"password_ref"`
		} `yaml:"smtp"`
	} `yaml:"notices"`
}

// findSpots returns the secrets and references in a file of YAML. What is wrong with it
// otherwise (a key that stands there twice, say, of which only one is seen here) is for the
// loader to say: who builds a bundle loads it before signing.
func findSpots(file string, data []byte) ([]spot, error) {
	switch kindOf(file) {
	case KindRADIUS:
		return radiusSpots(file, data)
	case KindPolicy:
		y := &policySecrets{}
		at, err := decodeLoosely(file, data, y)
		if err != nil {
			return nil, err
		}
		f := finder{file: file, at: at}
		f.look("notices.smtp.password_file", y.Notices.SMTP.PasswordFile, "policy/smtp-password")
		f.look("notices.smtp.password_ref", y.Notices.SMTP.PasswordRef, "")
		return f.found, nil
	}
	return nil, nil
}

func radiusSpots(file string, data []byte) ([]spot, error) {
	y := &radiusSecrets{}
	at, err := decodeLoosely(file, data, y)
	if err != nil {
		return nil, err
	}
	f := finder{file: file, at: at}
	for i := range y.Clients {
		c := &y.Clients[i]
		name := "radius/" + stemOf(file) + "/" + refSegment(c.Name, i)
		f.keys(fmt.Sprintf("clients[%d]", i), c.secretKeys, name)
		f.keys(fmt.Sprintf("clients[%d].coa", i), c.CoA.secretKeys, name+"/coa")
	}
	return f.found, nil
}

// refSegment makes a client's name fit for that of a secret.
func refSegment(name string, index int) string {
	if isSegment(name) && len(name) <= 64 {
		return name
	}
	return fmt.Sprintf("client-%d", index+1)
}

// decodeLoosely reads those keys that v knows, and passes over what it does not.
func decodeLoosely(file string, data []byte, v any) (*strictyaml.Positions, error) {
	at, problems := strictyaml.Decode(data, v)
	if len(problems) > 0 && !at.Has("") {
		return nil, malformed(SourceBad, "%s:%s", file, problems[0])
	}
	return at, nil
}

type finder struct {
	file  string
	at    *strictyaml.Positions
	found []spot
}

func (f *finder) keys(at string, k secretKeys, name string) {
	f.look(at+".secret", k.Secret, name)
	f.look(at+".secret_file", k.SecretFile, name)
	f.look(at+".secret_ref", k.SecretRef, "")
}

func (f *finder) look(at, text, name string) {
	if text == "" || !f.at.Has(at) {
		return
	}
	key := at[strings.LastIndexByte(at, '.')+1:]
	f.found = append(f.found, spot{file: f.file, key: key, at: f.at.Of(at), text: text, name: name})
}

// privateKey is in the first and last line of every kind of private key in PEM.
const privateKey = "PRIVATE KEY-----"

// isSecretFile reports whether a file is a secret as a whole: a key, the accounts of the
// administrators, or users of whom one has a password hash. What cannot be read as users is not
// said to be none: the loader finds out.
func isSecretFile(file string, data []byte) bool {
	switch {
	case isKeyFile(file), file == "admins.yaml":
		return true
	case kindOf(file) == KindSAML && maySeal(file):
		return bytes.Contains(data, []byte(privateKey))
	case kindOf(file) != KindUsers:
		return false
	}
	switch path.Ext(file) {
	case ".yaml":
		return hasYAMLSecrets(data)
	case ".jsonl":
		return hasJSONSecrets(data)
	}
	return hasCSVSecrets(data)
}

// HoldsSecret reports whether a secret stands in the clear in the file of that path and content: as
// a whole, or in one place. A file of YAML that cannot be read may hold one.
func HoldsSecret(file string, data []byte) bool {
	if isSecretFile(file, data) {
		return true
	}
	spots, err := findSpots(file, data)
	for _, s := range spots {
		if !s.isRef() && !s.isFile() {
			return true
		}
	}
	return err != nil
}

// userSecrets are the secrets of a user.
type userSecrets struct {
	Password string `yaml:"password" json:"password"`
	NTHash   string `yaml:"nt_hash" json:"nt_hash"`
	TOTP     string `yaml:"totp" json:"totp"`
}

func hasYAMLSecrets(data []byte) bool {
	for r := range strictyaml.Records[userSecrets](bytes.NewReader(data)) {
		if r != nil && r.Value != (userSecrets{}) {
			return true
		}
	}
	return false
}

func hasJSONSecrets(data []byte) bool {
	for line := range bytes.Lines(data) {
		var u userSecrets
		err := json.Unmarshal(line, &u)
		var wrong *json.UnmarshalTypeError // a hash is never a number, yet that is not ours to say
		if u != (userSecrets{}) || errors.As(err, &wrong) && isUserSecret(wrong.Field) {
			return true
		}
	}
	return false
}

func isUserSecret(key string) bool { return key == "password" || key == "nt_hash" || key == "totp" }

func hasCSVSecrets(data []byte) bool {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	r.FieldsPerRecord, r.ReuseRecord = -1, true
	header, err := r.Read()
	if err != nil {
		return false
	}
	var columns []int
	for i, key := range header {
		if isUserSecret(strings.TrimSpace(key)) {
			columns = append(columns, i)
		}
	}
	for len(columns) > 0 {
		row, err := r.Read()
		if err != nil {
			return false
		}
		for _, i := range columns {
			if i < len(row) && strings.TrimSpace(row[i]) != "" {
				return true
			}
		}
	}
	return false
}
