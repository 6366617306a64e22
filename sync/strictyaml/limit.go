package strictyaml

import (
	"fmt"

	"github.com/goccy/go-yaml/token"
)

// refusedTokens are the parts of YAML that make a file say something other than what stands in
// it, with what to do instead.
var refusedTokens = map[token.Type][2]string{
	token.AnchorType: {"anchors (&) are not supported", "write the value out where it is used"},
	token.AliasType: {"aliases (*) are not supported",
		"write the value out, or put text that begins with * in quotes"},
	token.MergeKeyType: {"merge keys (<<) are not supported", "write the keys out"},
	token.TagType: {"tags (!) are not supported",
		"leave the tag out, or put text that begins with ! in quotes"},
	token.DirectiveType: {"directives (%) are not supported", "remove the line"},
	token.MappingKeyType: {`keys introduced by "?" are not supported`,
		`write "key: value"`},
}

// checkTokens refuses what is not supported and what is too large or too deep to be parsed in
// bounded time.
func checkTokens(tokens token.Tokens) []Problem {
	if len(tokens) > maxTokens {
		return []Problem{{Text: fmt.Sprintf("more than %d words and signs in one file", maxTokens)}}
	}
	var problems []Problem
	flow, entries, line := 0, 0, 0
	for _, tk := range tokens {
		if tk == nil || tk.Position == nil {
			continue
		}
		at := tk.Position
		if at.Line != line {
			if flow == 0 && at.Column > maxIndent {
				return []Problem{{at.Line, at.Column, "too deeply indented", ""}}
			}
			line, entries = at.Line, 0
		}
		switch tk.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType:
			entries++
		}
		if flow > maxDepth || entries > maxDepth {
			return []Problem{{at.Line, at.Column, fmt.Sprintf("more than %d levels deep", maxDepth), ""}}
		}
		if why, refused := refusedTokens[tk.Type]; refused {
			problems = append(problems, Problem{at.Line, at.Column, why[0], why[1]})
		}
	}
	return problems
}
