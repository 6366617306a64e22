package webui_test

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"gatehouse/authcore/policy"
	"gatehouse/webui"
)

var update = flag.Bool("update", false, "write generated files anew")

// An operation is what the contract says of one route.
type operation struct {
	Access      string         `yaml:"x-access"`
	Role        string         `yaml:"x-role"`
	Summary     string         `yaml:"summary"`
	OperationID string         `yaml:"operationId"`
	Security    *[]any         `yaml:"security"`
	Parameters  []parameter    `yaml:"parameters"`
	Body        map[string]any `yaml:"requestBody"`
	Responses   map[string]any `yaml:"responses"`
}

type parameter struct {
	Name, In string
	Ref      string `yaml:"$ref"`
}

// A contract is openapi.yaml.
type contract struct {
	Paths      map[string]map[string]operation
	Components struct {
		Parameters map[string]parameter
		Schemas    map[string]map[string]any
	}
}

func readContract(t *testing.T) (c contract, text []byte) {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	if err == nil {
		err = yaml.Unmarshal(text, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c, text
}

// TestOpenAPIIsValid judges the contract by the schema of the OpenAPI Initiative.
func TestOpenAPIIsValid(t *testing.T) {
	t.Parallel()
	_, text := readContract(t)
	packed, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if err := jsonschema.NewCompiler().MustCompile("testdata/openapi-3.1.json").Validate(document); err != nil {
		t.Errorf("openapi.yaml: %v", err)
	}
}

// TestOpenAPIIsPacked: what is embedded is what stands in the file.
func TestOpenAPIIsPacked(t *testing.T) {
	_, text := readContract(t)
	if packed, err := os.ReadFile("openapi.yaml.gz"); err == nil {
		if r, err := gzip.NewReader(bytes.NewReader(packed)); err == nil {
			if plain, err := io.ReadAll(r); err == nil && bytes.Equal(plain, text) {
				return
			}
		}
	}
	if !*update {
		t.Fatal("webui/openapi.yaml.gz is not webui/openapi.yaml: run go generate ./webui")
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, _ = w.Write(text) // to memory
		err = w.Close()
	}
	if err == nil {
		err = os.WriteFile("openapi.yaml.gz", b.Bytes(), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestOpenAPIHasEveryRoute, with who may call it and what stands in its path, and no other.
func TestOpenAPIHasEveryRoute(t *testing.T) {
	t.Parallel()
	c, _ := readContract(t)
	access := webui.AccessOf(config())
	roles, _ := webui.RolesOf(newHouse(t).config)
	ids := map[string]string{}
	for pattern, who := range access {
		method, path, _ := strings.Cut(pattern, " ")
		op, ok := c.Paths[path][strings.ToLower(method)]
		if !ok {
			t.Errorf("the route %q is not in webui/openapi.yaml: under paths, add\n%s", pattern, sketch(pattern, who, roles[pattern]))
			continue
		}
		if op.Access != who || op.Role != string(roles[pattern]) {
			t.Errorf("%s: openapi.yaml has x-access %q and x-role %q, routes.go has %q and %q", pattern,
				op.Access, op.Role, who, roles[pattern])
		}
		if isOpen := op.Security != nil && len(*op.Security) == 0; isOpen != (who == "public") {
			t.Errorf("%s: security: [] is for public routes, and this is %s", pattern, who)
		}
		if op.Summary == "" || op.OperationID == "" || len(op.Responses) == 0 {
			t.Errorf("%s: summary, operationId or responses are missing", pattern)
		}
		if other := ids[op.OperationID]; other != "" {
			t.Errorf("%s: its operationId is that of %s", pattern, other)
		}
		ids[op.OperationID] = pattern
		if _, ok := op.Responses["default"]; !ok && who != "public" {
			t.Errorf("%s: add default: {$ref: '#/components/responses/Refused'} to its responses", pattern)
		}
		if diff := cmp.Diff(placeholders(path), c.pathParameters(op)); diff != "" {
			t.Errorf("%s: parameters in the path (-route +openapi.yaml)\n%s", pattern, diff)
		}
	}
	for path, operations := range c.Paths {
		for method := range operations {
			if pattern := strings.ToUpper(method) + " " + path; access[pattern] == "" {
				t.Errorf("openapi.yaml has %q, which is no route: remove it", pattern)
			}
		}
	}
}

var placeholder = regexp.MustCompile(`\{(\w+)\}`)

func placeholders(path string) []string {
	names := []string{}
	for _, m := range placeholder.FindAllStringSubmatch(path, -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return names
}

func (c contract) pathParameters(op operation) []string {
	names := []string{}
	for _, p := range op.Parameters {
		if p.Ref != "" {
			p = c.Components.Parameters[strings.TrimPrefix(p.Ref, "#/components/parameters/")]
		}
		if p.In == "path" {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names
}

// sketch is what to begin with for a route that is missing.
func sketch(pattern, access string, role policy.Role) string {
	method, path, _ := strings.Cut(pattern, " ")
	text := fmt.Sprintf("  %s:\n    %s:\n      tags: [gateway]\n      operationId: …\n      summary: …\n      x-access: %s\n      x-role: %s\n",
		path, strings.ToLower(method), access, role)
	if names := placeholders(path); len(names) > 0 {
		text += "      parameters:\n"
		for _, name := range names {
			text += fmt.Sprintf("        - {name: %s, in: path, required: true, schema: {type: string}}\n", name)
		}
	}
	if method != "GET" {
		text += "      requestBody:\n        content: {application/json: {schema: {$ref: '#/components/schemas/…'}}}\n"
	}
	return text + "      responses:\n        '200': {description: …, content: {application/json: {schema: {$ref: '#/components/schemas/…'}}}}\n" +
		"        default: {$ref: '#/components/responses/Refused'}\n" +
		"and name the Go types of body and answer in contractTypes of webui/schema_test.go"
}

// askedFor are schemas of bodies: what may be left out of them, their handlers say.
var askedFor = map[string]bool{"SAMLChange": true, "OCSPPurge": true, "BundleRollback": true,
	"RADIUSChange": true, "RADIUSClientChange": true, "CAUpload": true, "OnboardOrder": true}

// TestOpenAPIHasEveryField of what the API takes and answers, in the type that it has in Go.
func TestOpenAPIHasEveryField(t *testing.T) {
	t.Parallel()
	c, _ := readContract(t)
	set := newSchemaSet()
	for name, want := range set.schemas {
		got, ok := c.Components.Schemas[name]
		if !ok {
			t.Errorf("the schema %s is not in webui/openapi.yaml: under components, schemas, add\n%s", name, set.yaml(name))
			continue
		}
		if diff := cmp.Diff(bare(want, askedFor[name]), bare(got, askedFor[name])); diff != "" {
			t.Errorf("the schema %s is not that of the type (-Go +openapi.yaml):\n%s\nas Go has it:\n%s", name, diff, set.yaml(name))
		}
	}
}

// bare is a schema without what is for people, in one form to compare.
func bare(v any, body bool) any {
	switch v := v.(type) {
	case schema:
		return bare(map[string]any(v), body)
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			if _, text := value.(string); key == "enum" || key == "description" && text || key == "required" && body {
				continue
			}
			out[key] = bare(value, body)
		}
		if list, ok := out["required"].([]string); ok && len(list) == 0 {
			delete(out, "required")
		}
		return out
	case []any:
		var texts []string
		for _, one := range v {
			text, ok := one.(string)
			if !ok {
				return fmt.Sprint(v...)
			}
			texts = append(texts, text)
		}
		slices.Sort(texts)
		return texts
	}
	return v
}

// TestOpenAPIIsServed compressed and plain, and not to everybody.
func TestOpenAPIIsServed(t *testing.T) {
	t.Parallel()
	_, text := readContract(t)
	h := newHouse(t)
	cookie := h.signIn("viewer")
	plain := h.do(visit{path: "/api/v1/openapi.yaml", cookie: cookie})
	if plain.Code != 200 || plain.Body.String() != string(text) {
		t.Errorf("got %d, %d bytes, want %d", plain.Code, plain.Body.Len(), len(text))
	}
	packed := h.do(visit{path: "/api/v1/openapi.yaml", cookie: cookie, header: map[string][]string{"Accept-Encoding": {"gzip"}}})
	if packed.Header().Get("Content-Encoding") != "gzip" || packed.Body.Len() >= len(text)/2 {
		t.Errorf("compressed: %v, %d bytes", packed.Header(), packed.Body.Len())
	}
	if w := h.do(visit{path: "/api/v1/openapi.yaml"}); w.Code != 401 {
		t.Errorf("without a session: got %d", w.Code)
	}
}
