package strictyaml

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// scalar decodes a single value.
func (d *decoder) scalar(n ast.Node, v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d.duration(n, v)
		return
	}
	switch v.Kind() {
	case reflect.String:
		s, ok := text(n)
		if !ok {
			d.problem(n, fmt.Sprintf("expected text, found %s", kind(n)), textRemedy(n))
			return
		}
		v.SetString(s)
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.problem(n, fmt.Sprintf("expected true or false, found %s", kind(n)), "")
			return
		}
		v.SetBool(b.Value)
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint16:
		d.integer(n, v)
	default:
		d.problem(n, fmt.Sprintf("cannot decode into %s", v.Type()), "")
	}
}

func textRemedy(n ast.Node) string {
	switch n.(type) {
	case *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return "put it in quotes"
	}
	return ""
}

func (d *decoder) integer(n ast.Node, v reflect.Value) {
	number, ok := text(n)
	i, err := strconv.ParseInt(number, 10, 64)
	_, quoted := n.(*ast.StringNode)
	switch {
	case errors.Is(err, strconv.ErrRange): // the library makes text of these
		d.problem(n, "number out of range", "")
		return
	case !ok || quoted:
		d.problem(n, fmt.Sprintf("expected a whole number, found %s", kind(n)), "")
		return
	case err != nil || len(number) > 1 && number[0] == '0':
		d.problem(n, "expected a whole number in decimal digits", "")
		return
	}
	switch {
	case v.CanUint() && (i < 0 || v.OverflowUint(uint64(i))), v.CanInt() && v.OverflowInt(i):
		d.problem(n, "number out of range", "")
	case v.CanUint():
		v.SetUint(uint64(i))
	default:
		v.SetInt(i)
	}
}

// duration wants a unit: whether a bare 7 means seconds or minutes, nobody can tell.
func (d *decoder) duration(n ast.Node, v reflect.Value) {
	s, ok := text(n)
	if !ok {
		d.problem(n, "expected a duration, found "+kind(n), "write it like 90s, 15m or 8h")
		return
	}
	if _, err := strconv.ParseUint(s, 10, 64); err == nil {
		s = clip(s)
		d.problem(n, "a duration without unit", fmt.Sprintf("say %ss, %sm or %sh", s, s, s))
		return
	}
	if days, found := strings.CutSuffix(s, "d"); found {
		if count, err := strconv.ParseUint(days, 10, 16); err == nil {
			d.problem(n, "days are not supported in a duration", fmt.Sprintf("say %dh", 24*count))
			return
		}
	}
	dur, err := time.ParseDuration(s)
	switch {
	case err != nil:
		d.problem(n, "expected a duration", "write it like 90s, 15m or 8h")
	case dur < 0:
		d.problem(n, "a negative duration", "")
	default:
		v.SetInt(int64(dur))
	}
}

// text returns what a scalar says, numbers as they are written. Booleans, null and
// collections are no text.
func text(n ast.Node) (string, bool) {
	switch x := n.(type) {
	case *ast.StringNode:
		return x.Value, true
	case *ast.LiteralNode:
		return x.Value.Value, true
	case *ast.IntegerNode:
		return x.Token.Value, true
	case *ast.FloatNode:
		return x.Token.Value, true
	}
	return "", false
}

// kind names what n is, for a message.
func kind(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys and values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.NullNode:
		return "nothing"
	}
	return "something else"
}
