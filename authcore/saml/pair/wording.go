package pair

// A wording says what a code means and what to do. A warning is what some service providers
// take and others refuse.
type wording struct {
	text, remedy string
	warning      bool
}

const (
	useCleaned = "use the cleaned copy"
	withoutIt  = "copy it again, from the line with BEGIN to the line with END, and nothing else"
)

var wordings = map[Code]wording{
	Empty:             {text: "there is nothing in it", remedy: "paste or upload the whole PEM text"},
	Oversized:         {text: "it is larger than 64 KiB", remedy: "a certificate or a key has a few kilobytes: is this the right file?"},
	DER:               {text: "this is binary (DER), PEM is needed", remedy: "convert it with `openssl x509 -inform der` or `openssl pkey -inform der`"},
	PKCS12:            {text: "this is a PKCS #12 file (.p12, .pfx), PEM is needed", remedy: "take it apart with `openssl pkcs12 -nodes -clcerts` and upload certificate and key"},
	PKCS7:             {text: "this is a PKCS #7 file (.p7b), PEM is needed", remedy: "convert it with `openssl pkcs7 -print_certs` and keep the one certificate"},
	Request:           {text: "this is a certificate request, not a certificate", remedy: "have a CA sign it and use what it answers"},
	KeyForCertificate: {text: "there is a private key where a certificate belongs", remedy: "take it out; if it was sent to anybody, regenerate with --compromised"},
	CertificateForKey: {text: "there is a certificate where the private key belongs", remedy: "upload the key, whose header says PRIVATE KEY"},
	BothInOne:         {text: "there is a certificate beside the private key", remedy: "upload each by itself"},
	Chain:             {text: "this is a chain, of which service providers want the first certificate alone", remedy: "keep the app's own certificate and drop those of the CAs"},
	TwoCertificates:   {text: "there is more than one certificate in it", remedy: "keep the one that belongs to the key"},
	TwoKeys:           {text: "there is more than one private key in it", remedy: "keep the one that belongs to the certificate"},
	KeyEncrypted:      {text: "the key is encrypted and there is no passphrase for it here", remedy: "decrypt it with `openssl pkey -in key.pem -out plain.pem`, upload that and erase it"},
	OpenSSHKey:        {text: "the key is in OpenSSH's own form", remedy: "convert it with `ssh-keygen -p -m PKCS8`"},
	XML:               {text: "this is XML, not a certificate in PEM", remedy: useCleaned},
	NoCertificate:     {text: "there is no certificate in it", remedy: withoutIt},
	NoKey:             {text: "there is no private key in it", remedy: "upload the file whose first line is -----BEGIN PRIVATE KEY-----"},

	Header:            {text: "the header is not the line -----BEGIN CERTIFICATE-----", remedy: useCleaned},
	Footer:            {text: "the footer is not the line -----END CERTIFICATE-----", remedy: useCleaned},
	SpacesBefore:      {text: "spaces or blank lines before the header, or at the beginning of a line", remedy: useCleaned},
	SpacesAfter:       {text: "spaces at the end of a line, or spaces or blank lines after the footer", remedy: useCleaned},
	SpacesInside:      {text: "spaces inside a line", remedy: useCleaned},
	LineBreaksMissing: {text: "line breaks are missing: header and footer need a line each, the text between them lines of 64 characters", remedy: useCleaned},
	LineBreaksInside:  {text: "a line break where none belongs", remedy: useCleaned},
	CRLF:              {text: "carriage returns at the ends of lines, as Windows writes them", remedy: useCleaned, warning: true},
	SmartQuotes:       {text: "typographic quotation marks", remedy: useCleaned},
	Quotes:            {text: "quotation marks", remedy: useCleaned},
	BOM:               {text: "a byte order mark that editors do not show", remedy: "save it as UTF-8 without BOM, or " + useCleaned},
	UTF16:             {text: "the text is UTF-16, as some Windows editors save it", remedy: "save it as UTF-8 or ASCII, or " + useCleaned},
	Entities:          {text: "HTML entities in place of characters", remedy: useCleaned},
	Escapes:           {text: "escapes as programs write them (\\n, \\/) in place of characters", remedy: useCleaned},
	MailQuotes:        {text: "the > that mail programs put before the lines of an answer", remedy: useCleaned},
	Invisible:         {text: "characters that do not show, such as a no-break space", remedy: useCleaned},
	Characters:        {text: "a character that base64 does not have", remedy: useCleaned + " if there is one, or copy it again"},
	OneLine:           {text: "base64 in one line without header and footer: some service providers want it so, others refuse it", remedy: "use the PEM copy where PEM is asked for", warning: true},
	Base64URL:         {text: "base64url (- and _) in place of base64 (+ and /)", remedy: useCleaned},
	Padding:           {text: "the = at the end are missing or too many", remedy: useCleaned},
	TextOutside:       {text: "text before the header or after the footer", remedy: useCleaned},
	Damaged:           {text: "it is damaged", remedy: withoutIt},
	Altered:           {text: "its own signature does not fit: a character was changed on the way", remedy: withoutIt},

	Expired:       {text: "the certificate has expired", remedy: "use one that is valid, or regenerate; if it should still be valid, check the clock"},
	NotYetValid:   {text: "the certificate is not valid yet", remedy: "check the clock, or wait"},
	RSAShort:      {text: "the RSA key is too short: at least 2048 bits are required", remedy: "make a new pair"},
	RSALong:       {text: "the RSA key is too long: more than 8192 bits are not supported", remedy: "make a new pair of 2048 to 4096 bits"},
	WeakSignature: {text: "the certificate is signed with an algorithm that can be forged or is not supported", remedy: "make one that is signed with SHA-256"},
	KeyKind:       {text: "the key is not an RSA key, and service providers refuse the others", remedy: "make a new pair with RSA, 2048 bits"},
	Mismatch:      {text: "certificate and key do not belong together", remedy: "upload the two that were made together"},
	KeyReused:     {text: "its key is in use already, and a new certificate needs a new key", remedy: "make a new pair, or regenerate"},
	Unreadable:    {text: "the time since which the previous pair waits cannot be read", remedy: "retire the previous pair, or write since: 2006-01-02T15:04:05Z"},
}
