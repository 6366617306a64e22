package saml

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// MaxMetadataBytes is the largest metadata of a service provider that is read.
const MaxMetadataBytes = 1 << 20

// ImportServiceProvider reads a service provider's metadata (SAML Metadata §2.4.4), strictly,
// and says everything that is wrong with it at once. With an error among the Findings there is
// no ServiceProvider. Signature and validUntil of the document are not enforced: whoever
// imports a file vouches for it. The dates of certificates are not either: a key is trusted
// because it is listed (SAML Metadata Interoperability §2.6.1); what has expired is a warning.
func ImportServiceProvider(data []byte, now time.Time) (*ServiceProvider, Findings) {
	var fs Findings
	if len(data) > MaxMetadataBytes {
		fs.add(FindingOversized, "the metadata is larger than 1 MiB: take the one entity out of it")
		return nil, fs
	}
	root, err := parse(bytes.TrimPrefix(data, []byte("\ufeff")), maxMetadataTokens)
	if err != nil {
		fs.unreadable(err)
		return nil, fs
	}
	if !is(root, nsMetadata, "EntityDescriptor") {
		fs.add(FindingRoot, "the root element is %q, not the EntityDescriptor of one service provider", root.Tag)
		return nil, fs
	}
	im := importer{now: now, sp: &ServiceProvider{EntityID: attribute(root, "entityID")}}
	im.fs.entityID(im.sp.EntityID)
	im.validUntil(root)
	roles := children(root, nsMetadata, "SPSSODescriptor")
	if len(roles) != 1 {
		im.fs.add(FindingRole, "it has %d SPSSODescriptor elements rather than one", len(roles))
		return nil, im.fs
	}
	im.role(roles[0])
	return im.sp.checked(im.fs)
}

func (fs *Findings) unreadable(err error) {
	switch {
	case errors.Is(err, errDoctype):
		fs.add(FindingDoctype, "the metadata has a DOCTYPE, which is refused")
	case errors.Is(err, errEntity):
		fs.add(FindingEntity, "the metadata uses an XML entity, which is refused")
	default:
		fs.add(FindingXML, "the metadata is not well-formed: %v", err)
	}
}

type importer struct {
	now time.Time
	sp  *ServiceProvider
	fs  Findings
}

func (im *importer) validUntil(el *etree.Element) {
	value := attribute(el, "validUntil")
	if value == "" {
		return
	}
	until, err := time.Parse(time.RFC3339, value)
	if err != nil || until.Before(im.now) {
		im.fs.warn(FindingExpired, "the metadata says that it was valid until %.40q: ask for the current one", value)
	}
}

func (im *importer) role(el *etree.Element) {
	if !slices.Contains(strings.Fields(attribute(el, "protocolSupportEnumeration")), nsProtocol) {
		im.fs.add(FindingRole, "the service provider does not speak SAML 2.0")
	}
	im.validUntil(el)
	im.sp.AuthnRequestsSigned = im.flag(el, "AuthnRequestsSigned")
	im.sp.WantAssertionsSigned = im.flag(el, "WantAssertionsSigned")
	for _, key := range children(el, nsMetadata, "KeyDescriptor") {
		if use := attribute(key, "use"); use == "signing" || use == "" {
			im.key(key)
		}
	}
	for _, format := range children(el, nsMetadata, "NameIDFormat") {
		im.nameIDFormat(text(format))
	}
	im.services(children(el, nsMetadata, "AssertionConsumerService"))
}

func (im *importer) flag(el *etree.Element, name string) bool {
	value := attribute(el, name)
	set, ok := boolean(value)
	if !ok {
		im.fs.add(FindingFlag, "%s is neither true nor false: %.20q", name, value)
	}
	return set
}

// boolean reads an xs:boolean; absent is false.
func boolean(value string) (set, ok bool) {
	switch value {
	case "true", "1":
		return true, true
	case "false", "0", "":
		return false, true
	}
	return false, false
}

func (im *importer) nameIDFormat(format string) {
	switch {
	case format == "" || len(format) > maxEntityIDBytes || len(im.sp.NameIDFormats) == maxNameIDFormats:
	case !isServed(format):
		im.fs.warn(FindingNameID, "NameID format %.100q is not to be had here", format)
	default:
		im.sp.NameIDFormats = append(im.sp.NameIDFormats, format)
	}
}

// key takes the certificates of one KeyDescriptor that requests may be signed with.
func (im *importer) key(el *etree.Element) {
	for _, info := range children(el, nsSignature, "KeyInfo") {
		for _, data := range children(info, nsSignature, "X509Data") {
			for _, c := range children(data, nsSignature, "X509Certificate") {
				im.certificate(text(c))
			}
		}
	}
}

func (im *importer) certificate(b64 string) {
	cert, err := decodeCertificate(b64)
	switch {
	case err != nil:
		im.fs.add(FindingKey, "a signing certificate cannot be read: %v", err)
		return
	case len(im.sp.Certificates) == maxCertificates:
		im.fs.add(FindingTooMany, "more than %d signing certificates", maxCertificates)
		return
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	switch {
	case !ok:
		im.fs.warn(FindingKey, "the signing certificate %.100q is not of an RSA key: it is not used", cert.Subject)
		return
	case key.N.BitLen() < minKeyBits:
		im.fs.warn(FindingKey, "the signing certificate %.100q has fewer than %d bits: it is not used", cert.Subject, minKeyBits)
		return
	case im.now.After(cert.NotAfter):
		im.fs.warn(FindingKeyExpired, "the signing certificate %.100q expired on %s", cert.Subject, stamp(cert.NotAfter))
	}
	if !slices.ContainsFunc(im.sp.Certificates, cert.Equal) {
		im.sp.Certificates = append(im.sp.Certificates, cert)
	}
}

// decodeCertificate reads the base64 of one certificate in DER, broken into lines or not.
func decodeCertificate(b64 string) (*x509.Certificate, error) {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(b64), ""))
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// services takes the assertion consumer services by POST, the default first (SAML Metadata
// §2.2.3): the one that says so, else the first that does not deny it, else the first.
func (im *importer) services(els []*etree.Element) {
	first, best := 0, 0
	seen := map[uint16]bool{}
	for _, el := range els {
		if attribute(el, "Binding") != BindingPOST {
			continue // artifact, PAOS and others are listed by habit; we do not speak them
		}
		if len(im.sp.ACS) == maxACS {
			im.fs.add(FindingTooMany, "more than %d assertion consumer services", maxACS)
			break
		}
		acs, ok := im.service(el)
		if !ok {
			continue
		}
		if seen[acs.Index] {
			im.fs.add(FindingACSIndex, "two assertion consumer services have the index %d", acs.Index)
		}
		seen[acs.Index] = true
		if rank := im.rank(el); rank > best {
			first, best = len(im.sp.ACS), rank
		}
		im.sp.ACS = append(im.sp.ACS, acs)
	}
	if first > 0 {
		chosen := im.sp.ACS[first]
		im.sp.ACS = slices.Insert(slices.Delete(im.sp.ACS, first, first+1), 0, chosen)
	}
}

// rank says how much an ACS wants to be the default.
func (im *importer) rank(el *etree.Element) int {
	if attribute(el, "isDefault") == "" {
		return 2
	}
	if im.flag(el, "isDefault") {
		return 3
	}
	return 1
}

func (im *importer) service(el *etree.Element) (ACS, bool) {
	location := attribute(el, "Location")
	ok := im.fs.location(location)
	index, err := strconv.ParseUint(attribute(el, "index"), 10, 16)
	if err != nil {
		im.fs.add(FindingACSIndex, "an assertion consumer service has no index from 0 to 65535: %.20q", attribute(el, "index"))
	}
	return ACS{Location: location, Index: uint16(index)}, ok && err == nil
}
