package policy

// An IdP is saml/idp.yaml: the identity provider that people sign in to apps with.
type IdP struct {
	EntityID string
	Host     string   // name, and port if it is not 443, that browsers reach listen.sso by
	CAs      []string // names of CAs whose certificates sign in
}

// NameIDKind says what an app is told of who signed in.
type NameIDKind string

// The values of name_id.
const (
	NameIDEmail    NameIDKind = "email"
	NameIDUsername NameIDKind = "username"
)

// SignKind says what of an answer is signed.
type SignKind string

// The values of sign.
const (
	SignBoth      SignKind = "both"
	SignAssertion SignKind = "assertion"
	SignResponse  SignKind = "response"
)

// An App is one saml/<name>/app.yaml: a service provider that people sign in to.
type App struct {
	Name               string // its folder's
	Title              string // for people; empty: Name
	Activated          bool
	EntityID           string            // the service provider's
	ACS                []string          // where answers may be sent; the first is the default
	NameID             NameIDKind        // zero: NameIDEmail
	Attributes         map[string]string // attribute name → user field, or = and fixed text
	Groups             []string          // whose members are admitted; empty: every active user
	Sign               SignKind          // zero: SignBoth
	WantSignedRequests bool
	Notify             []string // addresses for notices about its certificates
}

// Label is what people call the app.
func (a *App) Label() string {
	if a.Title != "" {
		return a.Title
	}
	return a.Name
}

// Door is the app as what a certificate opens: the decision is the same as for a RADIUS server.
func (a *App) Door(idp *IdP) *Server {
	return &Server{Name: "saml/" + a.Name, Method: Passwordless, CAs: idp.CAs, Groups: a.Groups}
}
