package appliance_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A contract is webui/openapi.yaml, to which answers are held.
type contract struct {
	compiler *jsonschema.Compiler
	paths    map[string]map[string]struct {
		Responses map[string]struct {
			Ref     string `yaml:"$ref"`
			Content map[string]any
		}
	}
}

const contractName = "openapi.json"

func readContract(t *testing.T) *contract {
	t.Helper()
	text := must(os.ReadFile(filepath.Join(root, "webui", "openapi.yaml")))(t)
	document := must(jsonschema.UnmarshalJSON(bytes.NewReader(must(yaml.YAMLToJSON(text))(t))))(t)
	c := &contract{compiler: jsonschema.NewCompiler()}
	if err := c.compiler.AddResource(contractName, document); err != nil {
		t.Fatal(err)
	}
	var file struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Ref     string `yaml:"$ref"`
				Content map[string]any
			}
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	c.paths = file.Paths
	return c
}

// check says how an answer breaks the contract.
func (c *contract) check(method, path string, code int, kind string, body []byte) error {
	operation, ok := c.paths[path][strings.ToLower(method)]
	if !ok {
		return fmt.Errorf("webui/openapi.yaml does not have %s %s", method, path)
	}
	status := fmt.Sprint(code)
	response, ok := operation.Responses[status]
	if !ok {
		status = "default"
		if response, ok = operation.Responses[status]; !ok {
			return fmt.Errorf("webui/openapi.yaml has no answer %d for %s %s", code, method, path)
		}
	}
	pointer := fmt.Sprintf("/paths/%s/%s/responses/%s", escape(path), strings.ToLower(method), status)
	kind, _, _ = strings.Cut(kind, ";")
	if response.Ref != "" { // the answer of every refusal
		pointer = strings.TrimPrefix(response.Ref, "#")
	} else if _, ok := response.Content[kind]; !ok {
		return fmt.Errorf("%s %s answered %d as %q, for which webui/openapi.yaml has nothing", method, path, code, kind)
	}
	if kind != "application/json" {
		return nil
	}
	schema, err := c.compiler.Compile(contractName + "#" + pointer + "/content/" + escape(kind) + "/schema")
	if err != nil {
		return err
	}
	answer, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", method, path, err, body)
	}
	if err := schema.Validate(answer); err != nil {
		return fmt.Errorf("%s %s answers what webui/openapi.yaml does not promise: mend the schema that is named, "+
			"or the answer: %w\n%.2000s", method, path, err, body)
	}
	return nil
}

// escape makes text a part of a JSON pointer in an address (RFC 6901 §6).
func escape(text string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(text)
}

// TestContractNoticesWhatIsNotPromised keeps the check itself honest.
func TestContractNoticesWhatIsNotPromised(t *testing.T) {
	t.Parallel()
	c := readContract(t)
	for body, ok := range map[string]bool{
		`{"error": "x"}`: true, `{"error": "x", "more": 1}`: false, `{}`: false, `{"error": 1}`: false, `[`: false,
	} {
		if err := c.check("GET", "/api/v1/users", 404, "application/json", []byte(body)); (err == nil) != ok {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, err := range []error{
		c.check("GET", "/api/v1/nothing", 200, "application/json", nil), c.check("PUT", "/api/v1/users", 200, "application/json", nil),
		c.check("GET", "/api/v1/users", 200, "text/html", nil), c.check("GET", "/livez", 500, "text/plain", nil),
	} {
		if err == nil {
			t.Error("it takes what is not in the file")
		}
	}
}
