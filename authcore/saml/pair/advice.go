package pair

// Advice leads from what a service provider shows to the check that explains it.
type Advice struct {
	Words string // as service providers put it
	Check string // what to look at, in the words of commands
}

// Advices returns what is known about the words of service providers. The caller owns it.
func Advices() []Advice {
	return []Advice{
		{"Invalid Assertion", "saml compare: does the service provider have the certificate that signs? Then the clocks: saml status and the decision log show how far its clock is off"},
		{"Signature Validation Failed", "saml compare with what the service provider has: most often it has next or previous while active signs; hand over the metadata again, or promote"},
		{"Invalid signature on SAML Response", "saml compare, and sign in app.yaml: some service providers want the assertion signed, others the response; both is the default"},
		{"SAML Response Invalid", "entity_id and acs in app.yaml against the service provider's own metadata, letter by letter; then the clock"},
		{"Failed to verify signature (Lasso error -111)", "mod_auth_mellon has another certificate: import our metadata again"},
		{"idpCert is not in PEM format or in base64 format", "saml lint on what was pasted: spaces behind the footer or missing line breaks"},
		{"Unable to locate metadata for identity provider", "entity_id of saml/idp.yaml against the service provider's setting"},
		{"Audience restriction / invalid audience", "entity_id in app.yaml is not what the service provider calls itself"},
		{"Recipient / Destination mismatch", "acs in app.yaml is not the address that the service provider is reached by: http or https, port, slash at the end"},
		{"Assertion expired / not yet valid", "the clocks: gatehouse clock here, and the service provider's"},
		{"NameID missing / user not found", "name_id and attributes in app.yaml, and whether the user has an e-mail address: gatehouse user find NAME"},
		{"Login loop", "cookies: the service provider must be reached by https and by one name; open /saml/reset on the sign-in host, or use a private window"},
	}
}
