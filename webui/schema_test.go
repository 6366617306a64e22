package webui_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"gatehouse/appliance/health"
	"gatehouse/authcore/onboard"
	"gatehouse/authcore/revocation"
	"gatehouse/authcore/saml"
	"gatehouse/authcore/saml/pair"
	"gatehouse/webui"
)

// contractTypes are the answers and bodies of the API, by the names of their schemas. Types inside
// of them are found, and called as in Go. What a type holds that is not here or in a type of here
// can be in no answer that the contract test has seen.
var contractTypes = map[string]reflect.Type{
	"Health": reflect.TypeFor[health.Report](), "Status": reflect.TypeFor[webui.Status](),
	"CertTest": reflect.TypeFor[webui.CertTest](), "User": reflect.TypeFor[webui.User](),
	"CAPeople": reflect.TypeFor[webui.CAPeople](), "Clock": reflect.TypeFor[webui.Clock](), "Flips": reflect.TypeFor[webui.Flips](), "TimeAnswer": reflect.TypeFor[webui.TimeAnswer](), "TimeQuestion": reflect.TypeFor[webui.TimeQuestion](), "OCSPList": reflect.TypeFor[webui.OCSPList](),
	"OCSPCheck": reflect.TypeFor[revocation.Check](), "OCSPPurge": reflect.TypeFor[webui.OCSPPurge](),
	"OCSPPurged": reflect.TypeFor[webui.OCSPPurged](), "Bundle": reflect.TypeFor[webui.Bundle](),
	"BundleContents": reflect.TypeFor[webui.BundleContents](), "BundleChanges": reflect.TypeFor[webui.BundleChanges](),
	"BundlePush": reflect.TypeFor[webui.BundlePush](), "BundleRollback": reflect.TypeFor[webui.BundleRollback](),
	"SAMLApp": reflect.TypeFor[webui.SAMLApp](), "SAMLChange": reflect.TypeFor[webui.SAMLChange](),
	"SAMLComparison": reflect.TypeFor[pair.Comparison](), "SAMLLint": reflect.TypeFor[webui.SAMLLint](),
	"RADIUSServer": reflect.TypeFor[webui.RADIUSServer](), "RADIUSChange": reflect.TypeFor[webui.RADIUSChange](),
	"RADIUSClientChange": reflect.TypeFor[webui.RADIUSClientChange](), "RADIUSSaved": reflect.TypeFor[webui.RADIUSSaved](),
	"SAMLTrial": reflect.TypeFor[webui.SAMLTrial](), "SAMLAssertion": reflect.TypeFor[saml.Rehearsal](),
	"PairStatus": reflect.TypeFor[pair.Status](),
	"CA":         reflect.TypeFor[webui.CA](), "CASaved": reflect.TypeFor[webui.CASaved](),
	"OnboardOrder": reflect.TypeFor[webui.OnboardOrder](), "Onboarding": reflect.TypeFor[webui.Onboarding](),
	"Session": reflect.TypeFor[webui.Session](), "SessionsEnded": reflect.TypeFor[webui.SessionsEnded](),
	"PasswordChange": reflect.TypeFor[webui.PasswordChange](), "Account": reflect.TypeFor[webui.Account](),
	"NewPassword": reflect.TypeFor[webui.NewPassword](), "PasswordSet": reflect.TypeFor[webui.PasswordSet](),
	"ClientsSeen": reflect.TypeFor[webui.ClientsSeen](), "OnboardFile": reflect.TypeFor[onboard.File](),
}

// A schema is what the contract says of a type, as far as the type says it itself.
type schema map[string]any

// schemaSet makes schemas of types, and of all types inside of them.
type schemaSet struct {
	names   map[reflect.Type]string
	schemas map[string]schema
}

func newSchemaSet() *schemaSet {
	s := &schemaSet{map[reflect.Type]string{}, map[string]schema{}}
	for name, t := range contractTypes {
		s.names[t] = name
	}
	for name, t := range contractTypes {
		s.schemas[name] = s.object(t)
	}
	return s
}

var plainTypes = map[reflect.Type]schema{
	reflect.TypeFor[time.Time]():  {"type": "string", "format": "date-time"},
	reflect.TypeFor[netip.Addr](): {"type": "string"},
	reflect.TypeFor[[]byte]():     {"type": "string", "format": "byte"},
}

// of returns the schema of a value of type t.
func (s *schemaSet) of(t reflect.Type) schema {
	if plain, ok := plainTypes[t]; ok {
		return plain
	}
	switch t.Kind() {
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.String:
		return schema{"type": "string"}
	case reflect.Float32, reflect.Float64:
		return schema{"type": "number"}
	case reflect.Slice:
		return schema{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return schema{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Struct:
		name, ok := s.names[t]
		if !ok {
			name = t.Name()
			s.names[t] = name
			s.schemas[name] = s.object(t)
		}
		return schema{"$ref": "#/components/schemas/" + name}
	}
	return schema{"type": "integer"}
}

func (s *schemaSet) object(t reflect.Type) schema {
	properties, required := schema{}, []any{}
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "-" || name == "" {
			continue
		}
		properties[name] = s.of(f.Type)
		optional := strings.Contains(options, "omit")
		if !optional {
			required = append(required, name)
			if f.Type.Kind() == reflect.Pointer {
				properties[name] = schema{"anyOf": []any{s.of(f.Type), schema{"type": "null"}}}
			}
		}
	}
	return schema{"type": "object", "additionalProperties": false, "required": required, "properties": properties}
}

// yaml writes the schema of a name as the file has it.
func (s *schemaSet) yaml(name string) string {
	one := s.schemas[name]
	var b strings.Builder
	fmt.Fprintf(&b, "    %s:\n      type: object\n      additionalProperties: false\n", name)
	var required []string
	for _, r := range one["required"].([]any) {
		required = append(required, r.(string))
	}
	if len(required) > 0 {
		fmt.Fprintf(&b, "      required: [%s]\n", strings.Join(required, ", "))
	}
	b.WriteString("      properties:\n")
	properties := one["properties"].(schema)
	keys := make([]string, 0, len(properties))
	for key := range properties {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		fmt.Fprintf(&b, "        %s: %s\n", key, flow(properties[key]))
	}
	return b.String()
}

// flow writes a value in one line.
func flow(v any) string {
	switch v := v.(type) {
	case schema:
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		slices.SortStableFunc(keys, func(a, b string) int { return strings.Index(b, "type") - strings.Index(a, "type") })
		var parts []string
		for _, key := range keys {
			parts = append(parts, key+": "+flow(v[key]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		var parts []string
		for _, one := range v {
			parts = append(parts, flow(one))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case string:
		if strings.HasPrefix(v, "#") || v == "null" {
			return "'" + v + "'"
		}
	}
	return fmt.Sprint(v)
}
