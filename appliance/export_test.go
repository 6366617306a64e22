package appliance

import (
	"crypto/tls"

	"gatehouse/appliance/confdir"
	"gatehouse/webui"
)

// WebCertificate is webCertificate of an Appliance with that configuration, for tests.
func WebCertificate(config Config) (tls.Certificate, error) {
	return (&Appliance{config: config}).webCertificate()
}

// Status is status, for tests.
func (a *Appliance) Status() webui.Status { return a.status() }

// Edit changes files of the configuration directory as the pages do, for somebody called by.
func (a *Appliance) Edit(by string, change confdir.Change) (uint64, error) {
	return a.edit(edit{by: by, what: "tested", file: "radius/wifi.yaml",
		prepare: func() (confdir.Change, error) { return change, nil }})
}
