package saml

import (
	"maps"
	"slices"
	"strings"

	"gatehouse/authcore/identity"
)

// maxAttributeList bounds the attributes of one app.
const maxAttributeList = 64

// A Field says where an attribute's values come from.
type Field string

// The fields of a user, and Text for the same text for everybody.
const (
	FieldUsername Field = "username"
	FieldEmail    Field = "email"
	FieldName     Field = "name"
	FieldGroups   Field = "groups" // one value a group
	FieldText     Field = "text"
)

// An Attribute is one thing that an assertion tells about the person (SAML Core §2.7.3.1).
type Attribute struct {
	Name  string
	Field Field
	Text  string // of FieldText
}

// ParseAttributes reads `attributes` of app.yaml: from the attribute's name to username, email,
// name, groups, or text: followed by a fixed text. They come sorted by name.
func ParseAttributes(m map[string]string) ([]Attribute, Findings) {
	var fs Findings
	var list []Attribute
	if len(m) > maxAttributeList {
		fs.add(FindingTooMany, "more than %d attributes", maxAttributeList)
		return nil, fs
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		a := Attribute{Name: name, Field: Field(m[name])}
		if fixed, ok := strings.CutPrefix(m[name], "text:"); ok {
			a.Field, a.Text = FieldText, fixed
		}
		switch {
		case name == "" || len(name) > maxEntityIDBytes || !isXMLText(name):
			fs.add(FindingAttribute, "no attribute can be called %.100q", name)
		case a.Field == FieldText && (a.Text == "" || !isXMLText(a.Text)):
			fs.add(FindingAttribute, "the fixed text of attribute %.100q is empty or no text", name)
		case !a.Field.known() || m[name] == string(FieldText):
			fs.add(FindingAttribute, "attribute %.100q: unknown field %.40q: it is username, email, name, groups or text:…", name, m[name])
		default:
			list = append(list, a)
		}
	}
	if fs.Failed() {
		return nil, fs
	}
	return list, fs
}

func (f Field) known() bool {
	switch f {
	case FieldUsername, FieldEmail, FieldName, FieldGroups, FieldText:
		return true
	}
	return false
}

// values returns what the attribute says about u; none if u has nothing of the kind.
func (a Attribute) values(u *identity.User) []string {
	var v string
	switch a.Field {
	case FieldUsername:
		v = u.Username
	case FieldEmail:
		v = u.Email
	case FieldName:
		v = u.Name
	case FieldText:
		v = a.Text
	case FieldGroups:
		return u.Groups
	}
	if v == "" {
		return nil
	}
	return []string{v}
}

// nameFormat says what kind of name the attribute has: a URI, or a plain word.
func (a Attribute) nameFormat() string {
	if strings.Contains(a.Name, ":") {
		return nameFormatURI
	}
	return nameFormatBasic
}
