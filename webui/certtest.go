package webui

import "gatehouse/authcore/audit"

// A CertTest is the answer to "would this certificate be accepted there?".
type CertTest struct {
	Server     string       `json:"server"`
	Result     audit.Result `json:"result"`
	Reason     audit.Reason `json:"reason"`
	Sentence   string       `json:"sentence"`
	NextStep   string       `json:"next_step"`
	Detail     string       `json:"detail,omitempty"`
	User       string       `json:"user,omitempty"` // whom the certificate names, if anybody
	CA         string       `json:"ca,omitempty"`
	CertSHA256 string       `json:"cert_sha256,omitempty"`
	VLAN       string       `json:"vlan,omitempty"`
	Ladder     audit.Ladder `json:"ladder"`
}
