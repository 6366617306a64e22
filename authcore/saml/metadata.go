package saml

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"strconv"

	"github.com/beevik/etree"
)

// makeMetadata writes our metadata (SAML Metadata §2.4.3). It is the same as long as what it
// says is: its ID follows from entity ID and address. It states no validUntil, for it is often
// imported by hand, and no signature, for it would be one by the keys that it introduces: it is
// as trustworthy as the way it was fetched. During a rotation it lists every signing key, the
// one in use first for readers that take one only.
func (p *IdentityProvider) makeMetadata() ([]byte, error) {
	root := etree.NewElement("md:EntityDescriptor")
	root.CreateAttr("xmlns:md", nsMetadata)
	root.CreateAttr("xmlns:ds", nsSignature)
	root.CreateAttr("ID", stableID(p.c.EntityID, p.c.SSO))
	root.CreateAttr("entityID", p.c.EntityID)
	role := root.CreateElement("md:IDPSSODescriptor")
	role.CreateAttr("WantAuthnRequestsSigned", strconv.FormatBool(p.wantsSigned()))
	role.CreateAttr("protocolSupportEnumeration", nsProtocol)
	for _, cert := range p.signingCertificates() {
		key := role.CreateElement("md:KeyDescriptor")
		key.CreateAttr("use", "signing")
		data := key.CreateElement("ds:KeyInfo").CreateElement("ds:X509Data")
		data.CreateElement("ds:X509Certificate").SetText(base64.StdEncoding.EncodeToString(cert.Raw))
	}
	for _, format := range served {
		role.CreateElement("md:NameIDFormat").SetText(format)
	}
	for _, binding := range []string{BindingRedirect, BindingPOST} {
		service := role.CreateElement("md:SingleSignOnService")
		service.CreateAttr("Binding", binding)
		service.CreateAttr("Location", p.c.SSO)
	}
	doc := etree.NewDocumentWithRoot(root)
	doc.CreateProcInst("xml", `version="1.0" encoding="UTF-8"`)
	doc.Child[0], doc.Child[1] = doc.Child[1], doc.Child[0]
	doc.ReindexChildren()
	doc.Indent(2)
	return doc.WriteToBytes()
}

// signingCertificates returns the certificates of metadata, the active one first, each once.
func (p *IdentityProvider) signingCertificates() []*x509.Certificate {
	certs := []*x509.Certificate{p.c.Active.Certificate}
	for _, cert := range p.c.Others {
		known := false
		for _, listed := range certs {
			known = known || listed.Equal(cert)
		}
		if !known {
			certs = append(certs, cert)
		}
	}
	return certs
}

// stableID is an xs:ID that follows from what it is for.
func stableID(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		h.Write([]byte(part + "\x00")) // a hash never fails
	}
	return "_" + hex.EncodeToString(h.Sum(nil)[:idBytes])
}

// etagOf is the strong validator of data (RFC 9110 §8.8.3).
func etagOf(data []byte) string {
	sum := sha256.Sum256(data)
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}
