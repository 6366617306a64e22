package strictyaml

import (
	"reflect"
	"strings"
	"unicode/utf8"
)

// fields is what decoding needs to know of a struct type.
type fields struct {
	names []string       // in the order of the struct
	index map[string]int // of the field
}

func fieldsOf(t reflect.Type) fields {
	f := fields{index: make(map[string]int, t.NumField())}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if name == "" || name == "-" || !t.Field(i).IsExported() {
			continue
		}
		f.names = append(f.names, name)
		f.index[name] = i
	}
	return f
}

// clip shortens a key for a message.
func clip(key string) string {
	const most = 60
	if len(key) <= most {
		return key
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(key[cut]) {
		cut--
	}
	return key[:cut] + "…"
}
