package load

import (
	"fmt"
	"reflect"
	"strings"
)

// compare returns "KEY: OLD → NEW" for every value that differs between two forms of the same
// file. Lists of anything but text and numbers are not looked at; nor are secrets, which the
// caller leaves out.
func compare(path string, a, b any) []string {
	return compareValues(path, reflect.ValueOf(a), reflect.ValueOf(b))
}

func compareValues(path string, a, b reflect.Value) []string {
	switch {
	case a.Kind() == reflect.Pointer && !a.IsNil() && !b.IsNil():
		return compareValues(path, a.Elem(), b.Elem())
	case a.Kind() == reflect.Struct:
		var texts []string
		for i := range a.NumField() {
			field := a.Type().Field(i)
			at := path
			if key := field.Tag.Get("yaml"); key != "" {
				at = strings.TrimPrefix(path+"."+key, ".")
			}
			texts = append(texts, compareValues(at, a.Field(i), b.Field(i))...)
		}
		return texts
	case a.Kind() == reflect.Slice && a.Type().Elem().Kind() == reflect.Struct:
		return nil
	case a.Kind() == reflect.Slice && a.Len() == 0 && b.Len() == 0:
		return nil
	case reflect.DeepEqual(a.Interface(), b.Interface()):
		return nil
	}
	return []string{fmt.Sprintf("%s: %s → %s", path, show(a), show(b))}
}

func show(v reflect.Value) string {
	switch {
	case v.Kind() == reflect.String && v.Len() == 0, v.Kind() == reflect.Slice && v.Len() == 0:
		return "none"
	case v.Kind() == reflect.Slice:
		var parts []string
		for i := range v.Len() {
			parts = append(parts, fmt.Sprint(v.Index(i).Interface()))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return fmt.Sprint(v.Interface())
}
