package appliance

import (
	"crypto/tls"

	"gatehouse/webui"
)

// WebCertificate is webCertificate of an Appliance with that configuration, for tests.
func WebCertificate(config Config) (tls.Certificate, error) {
	return (&Appliance{config: config}).webCertificate()
}

// Status is status, for tests.
func (a *Appliance) Status() webui.Status { return a.status() }
