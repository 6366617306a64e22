package saml

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/url"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// The only algorithms that we sign with and believe.
const (
	algRSASHA256 = dsig.RSASHA256SignatureMethod
	algSHA256    = "http://www.w3.org/2001/04/xmlenc#sha256"
	algExcC14N   = string(dsig.CanonicalXML10ExclusiveAlgorithmId)
	algEnveloped = string(dsig.EnvelopedSignatureAltorithmId)
)

// wantsSigned reports whether an unsigned request is refused.
func (p *IdentityProvider) wantsSigned() bool {
	return p.c.WantSignedRequests || p.c.Provider.AuthnRequestsSigned
}

// unverified judges a request of which no signature can be verified. A signature by a service
// provider without a registered certificate is worth as much as none.
func (p *IdentityProvider) unverified(signed bool) *RefusedError {
	switch {
	case !p.wantsSigned():
		return nil
	case signed || len(p.c.Provider.Certificates) == 0:
		return refuse(SignatureKeyUnknown, "no signing certificate is registered")
	default:
		return refuse(SignatureMissing, "it is not signed")
	}
}

// verifyQuery verifies the signature over the query, if there is one, and reports whether there
// is (SAML Bindings §3.4.4.1).
func (p *IdentityProvider) verifyQuery(q query) (bool, *RefusedError) {
	if q.hasSignature != q.hasSigAlg {
		return false, refuse(SignatureWrapped, "one of Signature and SigAlg is missing")
	}
	certs := p.c.Provider.Certificates
	if !q.hasSignature || len(certs) == 0 {
		return false, p.unverified(q.hasSignature)
	}
	alg, err := url.QueryUnescape(q.sigAlg)
	if err != nil || alg != algRSASHA256 {
		return false, refuse(SignatureAlgorithm, "algorithm %.100q", alg)
	}
	b64, err := url.QueryUnescape(q.signature)
	if err != nil {
		return false, refuse(SignatureInvalid, "Signature is not escaped as it must be")
	}
	signature, err := base64.StdEncoding.DecodeString(b64)
	if err != nil {
		return false, refuse(SignatureInvalid, "Signature is not base64")
	}
	digest := sha256.Sum256([]byte(q.signedText()))
	for _, cert := range certs {
		key, ok := cert.PublicKey.(*rsa.PublicKey)
		if ok && rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil {
			return true, nil
		}
	}
	return false, refuse(SignatureInvalid, "it verifies with none of %d certificates", len(certs))
}

// verifyEnveloped verifies the signature in root, if there is one, and returns what it covers,
// read anew from the very bytes that were verified; nothing else may be used. Without a
// signature that can be verified it returns root itself.
func (p *IdentityProvider) verifyEnveloped(
	root *etree.Element,
) (covered *etree.Element, signed bool, refused *RefusedError) {
	found := signatures(root)
	certs := p.c.Provider.Certificates
	if len(found) == 0 || len(certs) == 0 {
		return root, false, p.unverified(len(found) > 0)
	}
	if len(found) > 1 || found[0].Parent() != root {
		return nil, false, refuse(SignatureWrapped, "%d signatures, or one below the root element", len(found))
	}
	if refused := checkSignature(root, found[0]); refused != nil {
		return nil, false, refused
	}
	// The key that a signature brings along proves nothing, and it is not covered by it.
	for _, info := range children(found[0], nsSignature, "KeyInfo") {
		found[0].RemoveChild(info)
	}
	for _, cert := range certs {
		if covered := verifyWith(root, cert); covered != nil {
			if attribute(covered, "ID") != attribute(root, "ID") || covered.Tag != root.Tag {
				return nil, false, refuse(SignatureWrapped, "it covers another element")
			}
			return covered, true, nil
		}
	}
	return nil, false, refuse(SignatureInvalid, "it verifies with none of %d certificates", len(certs))
}

// verifyWith returns what the signature in root covers if it was made with the key of cert, and
// nil if not. The dates of cert are not asked: its key counts because it is registered.
func verifyWith(root *etree.Element, cert *x509.Certificate) *etree.Element {
	store := &dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{cert}}
	ctx := dsig.NewDefaultValidationContext(store)
	ctx.Clock = dsig.NewFakeClockAt(cert.NotBefore)
	covered, err := ctx.Validate(root)
	if err != nil {
		return nil
	}
	return covered
}

// signatures returns all Signature elements in el and below.
func signatures(el *etree.Element) []*etree.Element {
	if is(el, nsSignature, "Signature") {
		return []*etree.Element{el}
	}
	var found []*etree.Element
	for _, child := range el.ChildElements() {
		found = append(found, signatures(child)...)
	}
	return found
}

// checkSignature refuses every shape of an enveloped signature but the one that SAML allows
// (SAML Core §5.4): one reference, to the root element by its ID, with the two transforms, and
// with no algorithm but ours. What is left for the verifier to misunderstand is little.
func checkSignature(root, sig *etree.Element) *RefusedError {
	info, ok := only(sig, "SignedInfo", "SignatureValue", "KeyInfo")
	if !ok || len(children(sig, nsSignature, "SignatureValue")) != 1 {
		return refuse(SignatureWrapped, "Signature is not SignedInfo, SignatureValue and KeyInfo")
	}
	reference, ok := only(info, "Reference", "CanonicalizationMethod", "SignatureMethod")
	if !ok {
		return refuse(SignatureWrapped, "SignedInfo has not exactly one Reference")
	}
	if id := attribute(root, "ID"); id == "" || attribute(reference, "URI") != "#"+id {
		return refuse(SignatureWrapped, "the reference is not to the root element")
	}
	transforms, ok := only(reference, "Transforms", "DigestMethod", "DigestValue")
	if !ok {
		return refuse(SignatureWrapped, "the reference has not exactly one Transforms")
	}
	if !algorithm(info, "CanonicalizationMethod", algExcC14N) ||
		!algorithm(info, "SignatureMethod", algRSASHA256) ||
		!algorithm(reference, "DigestMethod", algSHA256) ||
		!algorithm(transforms, "Transform", algEnveloped, algExcC14N) {
		return refuse(SignatureAlgorithm, "an algorithm is not RSA-SHA256, SHA-256 or exclusive canonicalization")
	}
	return nil
}

// only returns the one child of el with the first name, and false if there is not exactly one
// or if el has a child with none of the names.
func only(el *etree.Element, name string, others ...string) (*etree.Element, bool) {
	if len(children(el, nsSignature, name)) != 1 {
		return nil, false
	}
	known := 1
	for _, other := range others {
		known += len(children(el, nsSignature, other))
	}
	return children(el, nsSignature, name)[0], known == len(el.ChildElements())
}

// algorithm reports whether the children of el with the name state exactly these algorithms, in
// this order.
func algorithm(el *etree.Element, name string, want ...string) bool {
	found := children(el, nsSignature, name)
	if len(found) != len(want) {
		return false
	}
	for i := range want {
		if attribute(found[i], "Algorithm") != want[i] {
			return false
		}
	}
	return true
}
