package pair

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of XML that certificates are taken from.
const (
	maxMetadataBytes        = 1 << 20
	maxMetadataDepth        = 64
	maxMetadataCertificates = 64
)

// isXML reports whether data begins like XML.
func isXML(data []byte) bool {
	data = bytes.TrimPrefix(data, []byte(string(byteOrderMark)))
	return bytes.HasPrefix(bytes.TrimSpace(data), []byte("<"))
}

// A metadataReader walks the tokens of SAML metadata for its X509Certificate elements. Nothing
// in it is trusted: the certificates are compared and shown, and no more.
type metadataReader struct {
	d          *xml.Decoder
	depth      int
	use        string // of the KeyDescriptor around
	descriptor string // the role descriptor around, as "SPSSODescriptor"
	found      []given
}

// readMetadata returns the certificates of XML of at most 1 MiB, or why it is not read. It
// refuses DOCTYPE, and with it every entity but the five that XML itself has.
func readMetadata(data []byte) ([]given, *Finding) {
	if len(data) > maxMetadataBytes {
		f := newFinding(Oversized, PartCertificate)
		f.Text, f.Remedy = "it is larger than 1 MiB", "take the one entity out of it"
		return nil, &f
	}
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte(string(byteOrderMark))))
	m := &metadataReader{d: xml.NewDecoder(bytes.NewReader(data))}
	err := m.walk()
	line, col := m.d.InputPos()
	f := newFinding(XML, PartCertificate)
	f.Line, f.Column = line, col
	switch {
	case err != nil:
		f.Text, f.Remedy = "this is XML that is not read: "+plainXML(err), "use the metadata as the service provider offers it, or its certificate alone"
		return nil, &f
	case len(m.found) == 0:
		f.Text, f.Remedy = "this is XML without an X509Certificate", "use the service provider's metadata, or paste the certificate"
		f.Line, f.Column = 0, 0
		return nil, &f
	}
	return m.found, nil
}

// plainXML says what is wrong with XML without quoting it.
func plainXML(err error) string {
	var refused xmlRefusal
	if errors.As(err, &refused) {
		return string(refused)
	}
	return "it is not well-formed"
}

// An xmlRefusal is a reason of ours not to read XML.
type xmlRefusal string

func (e xmlRefusal) Error() string { return string(e) }

func (m *metadataReader) walk() error {
	for {
		token, err := m.d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading metadata: %w", err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return xmlRefusal("it has a DOCTYPE")
		case xml.ProcInst:
			if t.Target != "xml" {
				return xmlRefusal("it has a processing instruction")
			}
		case xml.StartElement:
			if err := m.open(t); err != nil {
				return err
			}
		case xml.EndElement:
			m.shut(t)
		}
	}
}

// open notes where the walk is and reads certificates.
func (m *metadataReader) open(t xml.StartElement) error {
	if m.depth++; m.depth > maxMetadataDepth {
		return xmlRefusal("it is nested too deeply")
	}
	switch name := t.Name.Local; {
	case name == "KeyDescriptor":
		m.use = ""
		for _, a := range t.Attr {
			isUse := a.Name.Local == "use" && a.Name.Space == ""
			if isUse && (a.Value == "signing" || a.Value == "encryption") {
				m.use = a.Value
			}
		}
	case name == "IDPSSODescriptor" || name == "SPSSODescriptor":
		m.descriptor = name
	case name == "X509Certificate":
		return m.readCertificate()
	}
	return nil
}

func (m *metadataReader) shut(t xml.EndElement) {
	m.depth--
	switch t.Name.Local {
	case "KeyDescriptor":
		m.use = ""
	case "IDPSSODescriptor", "SPSSODescriptor":
		m.descriptor = ""
	}
}

// readCertificate reads the text of an X509Certificate element up to its end.
func (m *metadataReader) readCertificate() error {
	if len(m.found) == maxMetadataCertificates {
		return xmlRefusal(fmt.Sprintf("it has more than %d certificates", maxMetadataCertificates))
	}
	line, col := m.d.InputPos()
	var text strings.Builder
	for {
		token, err := m.d.Token()
		if err != nil {
			return fmt.Errorf("reading a certificate: %w", err)
		}
		switch t := token.(type) {
		case xml.CharData:
			if text.Len()+len(t) > maxTextBytes {
				return xmlRefusal("a certificate in it is larger than 64 KiB")
			}
			text.Write(t)
		case xml.EndElement:
			m.depth--
			m.add(text.String(), place{line, col})
			return nil
		case xml.Comment:
		default:
			return xmlRefusal("a certificate in it has other elements inside")
		}
	}
}

// add keeps a certificate. XML Signature §4.4.4 has it as base64 of DER with any white space.
func (m *metadataReader) add(text string, at place) {
	g := given{use: m.use, descriptor: m.descriptor, at: at}
	g.base64 = strings.Join(strings.Fields(text), "")
	if der, err := base64.StdEncoding.DecodeString(g.base64); err == nil {
		if c, err := x509.ParseCertificate(der); err == nil {
			g.cert = c
		}
	}
	m.found = append(m.found, g)
}
