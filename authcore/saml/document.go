package saml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/beevik/etree"
	roundtrip "github.com/mattermost/xml-roundtrip-validator"
)

// Bounds of every XML document that comes in, whatever its size in bytes may be.
const (
	maxDepth      = 32
	maxAttributes = 32 // of one element
)

// Bounds of tokens: elements, their ends, runs of text and comments. A signed request has 80,
// and twice as many if somebody indented it.
const (
	maxRequestTokens  = 500
	maxMetadataTokens = 50_000
)

// Why XML is not read.
var (
	errDoctype      = errors.New("it has a DOCTYPE")
	errEntity       = errors.New("it uses an entity that XML itself does not have")
	errSeveralRoots = errors.New("it has more than one root element")
	errNoRoot       = errors.New("it has no root element")
	errOutside      = errors.New("it has text outside its root element")
	errDepth        = errors.New("its elements are nested too deeply")
	errTokens       = errors.New("it has too many elements or attributes")
	errTwice        = errors.New("an element has the same attribute twice")
	errInstruction  = errors.New("it has a processing instruction")
	errRoundTrip    = errors.New("parsers would disagree about it")
)

// parse reads one XML document of UTF-8 and returns its root. The bytes are looked through
// before a tree is built from them, and documents that two parsers may read differently are
// refused. The caller bounds their number and that of the tokens: to look for a difference
// costs microseconds a token, and whoever sends them need not be anybody we know.
func parse(data []byte, maxTokens int) (*etree.Element, error) {
	if err := scan(data, maxTokens); err != nil {
		return nil, err
	}
	if err := roundtrip.Validate(bytes.NewReader(data)); err != nil {
		return nil, errRoundTrip // its text repeats the document
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(data); err != nil {
		return nil, err
	}
	root := doc.Root()
	if root == nil {
		return nil, errNoRoot
	}
	return root, nil
}

// scan walks the tokens of data without keeping any.
func scan(data []byte, maxTokens int) error {
	s := scanner{d: xml.NewDecoder(bytes.NewReader(data)), left: maxTokens}
	for {
		token, err := s.d.Token()
		switch {
		case errors.Is(err, io.EOF) && s.roots == 0:
			return errNoRoot
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && hasForeignEntity(data):
			return errEntity
		case err != nil:
			return err
		}
		if err := s.check(token); err != nil {
			return err
		}
	}
}

type scanner struct {
	d            *xml.Decoder
	roots, depth int
	left         int // tokens
}

func (s *scanner) check(token xml.Token) error {
	if s.left--; s.left < 0 {
		return errTokens
	}
	switch t := token.(type) {
	case xml.Directive:
		return errDoctype // the only directive that a document may have
	case xml.ProcInst:
		if t.Target != "xml" || s.roots > 0 {
			return errInstruction
		}
	case xml.CharData:
		if s.depth == 0 && len(bytes.TrimLeft(t, " \t\r\n")) > 0 {
			return errOutside
		}
	case xml.EndElement:
		s.depth--
	case xml.StartElement:
		return s.start(t)
	}
	return nil
}

func (s *scanner) start(t xml.StartElement) error {
	if s.depth == 0 {
		s.roots++
	}
	s.depth++
	switch {
	case s.roots > 1:
		return errSeveralRoots
	case s.depth > maxDepth:
		return errDepth
	case len(t.Attr) > maxAttributes:
		return errTokens
	}
	for i, a := range t.Attr {
		for _, b := range t.Attr[:i] {
			if a.Name == b.Name {
				return errTwice
			}
		}
	}
	return nil
}

// hasForeignEntity reports whether data refers to an entity by a name that is not one of XML's
// own five. It tells a reason apart, no more: the decoder has refused the document already.
func hasForeignEntity(data []byte) bool {
	for rest := data; ; {
		at := bytes.IndexByte(rest, '&')
		if at < 0 {
			return false
		}
		rest = rest[at+1:]
		end := bytes.IndexAny(rest, ";<&\" '")
		if end <= 0 || rest[end] != ';' || rest[0] == '#' {
			continue
		}
		switch string(rest[:end]) {
		case "lt", "gt", "amp", "quot", "apos":
		default:
			return true
		}
	}
}

// is reports whether el has the name in the namespace.
func is(el *etree.Element, namespace, tag string) bool {
	return el.Tag == tag && el.NamespaceURI() == namespace
}

// children returns the child elements of el with the name.
func children(el *etree.Element, namespace, tag string) []*etree.Element {
	var found []*etree.Element
	for _, child := range el.ChildElements() {
		if is(child, namespace, tag) {
			found = append(found, child)
		}
	}
	return found
}

// attribute returns the value of el's attribute without a namespace, and "" if it has none.
func attribute(el *etree.Element, key string) string {
	for _, a := range el.Attr {
		if a.Space == "" && a.Key == key {
			return a.Value
		}
	}
	return ""
}

// text returns all character data directly in el, without the space around it. A comment does
// not end it, so that nobody can cut a name short with one.
func text(el *etree.Element) string {
	var b strings.Builder
	for _, child := range el.Child {
		if c, ok := child.(*etree.CharData); ok {
			b.WriteString(c.Data)
		}
	}
	return strings.TrimSpace(b.String())
}
