package strictyaml

import (
	"fmt"
	"reflect"
	"strconv"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// maxProblems bounds what is reported of one document.
const maxProblems = 100

const emptyRemedy = "give one, or remove the line to have the default"

// A Pair is one entry of Pairs.
type Pair struct {
	Key   string
	Value string
	Path  string // of the value, for Positions
}

// Pairs is a mapping whose keys are free and whose order matters. The value of a key may be a
// list; it then gives one Pair for each entry.
type Pairs []Pair

// Decode reads the one YAML document in data over what v points to, a struct whose fields are
// named by `yaml:"key"` tags, and returns where everything stands and all that is wrong. What
// the document leaves out keeps its value, so that v is filled with the defaults before; an
// empty document is all defaults. With problems, what v holds is incomplete.
//
// Fields may be string, bool, integers, time.Duration (text with a unit), structs, pointers to
// structs, slices of these, map[string]string and Pairs; the fields of an embedded struct count
// as the outer one's. Text for a string may be written as a
// bare number, which is taken as it stands. Data is not kept.
func Decode(data []byte, v any) (*Positions, []Problem) {
	d := &decoder{positions: &Positions{}}
	body, problems := parse(data)
	if len(problems) > 0 || body == nil {
		return d.positions, problems
	}
	d.value(body, "", reflect.ValueOf(v).Elem())
	return d.positions, d.problems
}

// decoder walks a tree and a value together.
type decoder struct {
	positions *Positions
	problems  []Problem
}

func (d *decoder) problem(n ast.Node, text, remedy string) {
	if len(d.problems) >= maxProblems {
		return
	}
	at := position(n)
	d.problems = append(d.problems, Problem{at.Line, at.Column, text, remedy})
}

// position returns where n begins. The library places a block mapping at its first colon.
func position(n ast.Node) Position {
	switch x := n.(type) {
	case *ast.MappingNode:
		if x.Start == nil || x.Start.Type != token.MappingStartType {
			if len(x.Values) > 0 {
				return position(x.Values[0])
			}
		}
	case *ast.MappingValueNode:
		return position(x.Key)
	}
	if tk := n.GetToken(); tk != nil && tk.Position != nil {
		return Position{tk.Position.Line, tk.Position.Column}
	}
	return Position{}
}

// value decodes n, found at path, into v.
func (d *decoder) value(n ast.Node, path string, v reflect.Value) {
	d.positions.set(path, position(n))
	if _, ok := n.(*ast.NullNode); ok {
		d.problem(n, "no value", emptyRemedy)
		return
	}
	switch {
	case v.Type() == reflect.TypeFor[Pairs]():
		d.pairs(n, path, v)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, path, v.Elem())
	case v.Kind() == reflect.Struct:
		d.structure(n, path, v)
	case v.Kind() == reflect.Slice:
		d.list(n, path, v)
	case v.Kind() == reflect.Map:
		d.stringMap(n, path, v)
	default:
		d.scalar(n, v)
	}
}

// structure decodes a mapping whose keys are v's fields.
func (d *decoder) structure(n ast.Node, path string, v reflect.Value) {
	fields := fieldsOf(v.Type())
	d.entries(n, func(key string, e *ast.MappingValueNode) {
		index, ok := fields.index[key]
		if !ok {
			d.problem(e.Key, "unknown key"+Quoted(key, fields.names), DidYouMean(key, fields.names))
			return
		}
		if e.Value == nil || e.Value.Type() == ast.NullType {
			d.positions.set(join(path, key), position(e.Key))
			d.problem(e.Key, fmt.Sprintf("key %q has no value", key), emptyRemedy)
			return
		}
		d.value(e.Value, join(path, key), v.FieldByIndex(index))
	})
}

// entries calls each for the entries of the mapping n, but for keys that are no plain text or
// stand there twice.
func (d *decoder) entries(n ast.Node, each func(key string, e *ast.MappingValueNode)) {
	var values []*ast.MappingValueNode
	switch x := n.(type) {
	case *ast.MappingNode:
		values = x.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{x}
	default:
		d.problem(n, fmt.Sprintf("expected keys and values, found %s", kind(n)), "")
		return
	}
	seen := make(map[string]int, len(values))
	for _, e := range values {
		key, ok := text(e.Key)
		if !ok {
			d.problem(e.Key, "this is no name of a key", "")
			continue
		}
		if first, dup := seen[key]; dup {
			d.problem(e.Key, "key"+Quoted(key, nil)+" stands here twice",
				fmt.Sprintf("remove one; the first is on line %d", first))
			continue
		}
		seen[key] = position(e.Key).Line
		each(key, e)
	}
}

func (d *decoder) list(n ast.Node, path string, v reflect.Value) {
	x, ok := n.(*ast.SequenceNode)
	if !ok {
		d.problem(n, "expected a list, found "+kind(n), "write [a, b], even for one entry")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(x.Values), len(x.Values))
	for i, e := range x.Values {
		d.value(e, path+"["+strconv.Itoa(i)+"]", out.Index(i))
	}
	v.Set(out)
}

func (d *decoder) stringMap(n ast.Node, path string, v reflect.Value) {
	out := make(map[string]string)
	d.entries(n, func(key string, e *ast.MappingValueNode) {
		var s string
		d.value(e.Value, join(path, key), reflect.ValueOf(&s).Elem())
		out[key] = s
	})
	v.Set(reflect.ValueOf(out))
}

func (d *decoder) pairs(n ast.Node, path string, v reflect.Value) {
	var out Pairs
	d.entries(n, func(key string, e *ast.MappingValueNode) {
		values, at := []ast.Node{e.Value}, join(path, key)
		if list, ok := e.Value.(*ast.SequenceNode); ok {
			values = list.Values
		}
		for i, value := range values {
			p := Pair{Key: key, Path: at}
			if len(values) > 1 {
				p.Path = at + "[" + strconv.Itoa(i) + "]"
			}
			d.value(value, p.Path, reflect.ValueOf(&p.Value).Elem())
			out = append(out, p)
		}
	})
	v.Set(reflect.ValueOf(out))
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
