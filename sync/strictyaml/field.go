package strictyaml

import (
	"reflect"
	"unicode/utf8"
)

// fields is what decoding needs to know of a struct type.
type fields struct {
	names []string         // in the order of the struct
	index map[string][]int // of the field, for reflect.Value.FieldByIndex
}

// fieldsOf lists the fields that have a yaml tag; those of an embedded struct count as t's own.
func fieldsOf(t reflect.Type) fields {
	f := fields{index: make(map[string][]int, t.NumField())}
	for _, field := range reflect.VisibleFields(t) {
		name := field.Tag.Get("yaml")
		if name == "" || !field.IsExported() {
			continue
		}
		f.names = append(f.names, name)
		f.index[name] = field.Index
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
