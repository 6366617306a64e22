package appliance

import "crypto/tls"

// WebCertificate is webCertificate of an Appliance with that configuration, for tests.
func WebCertificate(config Config) (tls.Certificate, error) {
	return (&Appliance{config: config}).webCertificate()
}
