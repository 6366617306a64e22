package saml

import "slices"

// NameID formats (SAML Core §8.3).
const (
	FormatUnspecified  = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
	FormatEmailAddress = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	FormatPersistent   = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	FormatTransient    = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
)

// served are the formats that we can answer with, in the order that metadata lists them.
var served = []string{FormatEmailAddress, FormatPersistent, FormatTransient, FormatUnspecified}

func isServed(format string) bool { return slices.Contains(served, format) }
