package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of one document. The library's parser takes time in the square of the depth, so depth
// is checked on the tokens before it runs.
const (
	MaxDocumentBytes = 1 << 20 // of Decode
	maxTokens        = 100_000
	maxDepth         = 32  // of [ and {, and of "- - -" on one line
	maxIndent        = 200 // columns before the first word of a line
)

// errorWithToken is what the library's errors have in common. Their own Error quotes the
// source, which may hold secrets; GetMessage does not.
type errorWithToken interface {
	error
	GetToken() *token.Token
	GetMessage() string
}

// parse turns data into the body of its one document, or nil if that is empty.
func parse(data []byte) (ast.Node, []Problem) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if p := checkText(data); p != nil {
		return nil, []Problem{*p}
	}
	tokens, p := tokenize(string(data))
	if p != nil {
		return nil, []Problem{*p}
	}
	if ps := checkTokens(tokens); len(ps) > 0 {
		return nil, ps
	}
	file, err := parseTokens(tokens)
	if err != nil {
		return nil, []Problem{syntaxProblem(err)}
	}
	return oneDocument(file)
}

// checkText refuses what is no text.
func checkText(data []byte) *Problem {
	if len(data) > MaxDocumentBytes {
		return &Problem{Text: fmt.Sprintf("larger than %d bytes", MaxDocumentBytes)}
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return &Problem{Line: 1, Column: 1, Text: "the file is UTF-16", Remedy: "save it as UTF-8"}
	}
	line, column := 1, 1
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && n <= 1:
			return &Problem{line, column, "not UTF-8 text", "save the file as UTF-8"}
		case r == '\n':
			line, column = line+1, 0
		case r < ' ' && r != '\t' && r != '\r' || r == 0x7f || r == '\ufeff':
			return &Problem{line, column, fmt.Sprintf("control character U+%04X", r), "remove it"}
		}
		i += n
		column++
	}
	return nil
}

// tokenize runs the library's scanner. The library promises nothing about input that is no YAML,
// and a file that somebody saved half-way must not take a running process down.
func tokenize(text string) (tokens token.Tokens, p *Problem) {
	defer func() {
		if r := recover(); r != nil {
			tokens, p = nil, &Problem{Text: "the YAML cannot be read", Remedy: "simplify it"}
		}
	}()
	return lexer.Tokenize(text), nil
}

// parseTokens runs the library's parser; see tokenize for the recover.
func parseTokens(tokens token.Tokens) (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			file, err = nil, errors.New("the YAML cannot be parsed")
		}
	}()
	// Duplicate keys are ours to report, so that all of them are.
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// syntaxProblem explains an error of the library.
func syntaxProblem(err error) Problem {
	var e errorWithToken
	if !errors.As(err, &e) {
		return Problem{Text: "the YAML cannot be parsed", Remedy: "check brackets and quotes"}
	}
	p := Problem{Text: "this is not YAML", Remedy: "check indentation, quotes and brackets"}
	if tk := e.GetToken(); tk != nil && tk.Position != nil {
		p.Line, p.Column = tk.Position.Line, tk.Position.Column
	}
	for _, h := range syntaxHints {
		if strings.Contains(e.GetMessage(), h.message) {
			p.Text, p.Remedy = h.text, h.remedy
			break
		}
	}
	return p
}

// syntaxHints puts the library's commonest messages into plain words. Messages that are not
// here are not passed on, for some of them quote the file.
var syntaxHints = []struct{ message, text, remedy string }{
	{"found character '\t'", "a tab where YAML wants spaces", "indent with spaces"},
	{"mapping value is not allowed", `a second ":" on the line`,
		`put a value that contains ": " in quotes`},
	{"value is not allowed in this context", "this does not fit what stands before it",
		"check the indentation and the quotes"},
	{"tab character", "a tab where YAML wants spaces", "indent with spaces"},
	{"reserved character", "text cannot begin with this character", "put it in quotes"},
	{"unknown escape character", "an unknown escape behind a backslash",
		"write two backslashes, or use single quotes"},
	{"invalid header option", "text on the line of | or >", "begin it on the next line"},
	{"could not find end character", "a quote that is never closed", "close it"},
	{"sequence end token", "a [ that is never closed", "add ]"},
	{"could not find flow map", "a { that is never closed", "add }"},
	{"non-map value is specified", "expected key: value",
		`write "key: value", with a space behind the colon`},
	{"unexpected key name", "expected key: value",
		`write "key: value", with a space behind the colon`},
}

// oneDocument returns the body of file's only document.
func oneDocument(file *ast.File) (ast.Node, []Problem) {
	var body ast.Node
	for i, doc := range file.Docs {
		if i > 0 {
			p := Problem{Text: "a second YAML document", Remedy: `remove "---" and what follows`}
			if doc.Start != nil {
				p.Line, p.Column = doc.Start.Position.Line, doc.Start.Position.Column
			}
			return nil, []Problem{p}
		}
		body = doc.Body
	}
	return body, nil
}
