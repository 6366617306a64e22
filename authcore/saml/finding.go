package saml

import (
	"fmt"
	"strings"

	"gatehouse/authcore/audit"
)

// A FindingCode says what kind of defect a Finding is. The strings are stable.
type FindingCode string

// What can be wrong with the description of a service provider.
const (
	FindingOversized   FindingCode = "oversized"
	FindingDoctype     FindingCode = "doctype"
	FindingEntity      FindingCode = "entity"
	FindingXML         FindingCode = "xml"
	FindingRoot        FindingCode = "not_an_entity"
	FindingRole        FindingCode = "not_a_service_provider"
	FindingExpired     FindingCode = "metadata_expired"
	FindingEntityID    FindingCode = "entity_id"
	FindingNoACS       FindingCode = "acs_missing"
	FindingACSScheme   FindingCode = "acs_scheme"
	FindingACSLocation FindingCode = "acs_location"
	FindingACSIndex    FindingCode = "acs_index"
	FindingACSPlain    FindingCode = "acs_plain_http"
	FindingFlag        FindingCode = "flag"
	FindingKey         FindingCode = "signing_certificate"
	FindingKeyExpired  FindingCode = "signing_certificate_expired"
	FindingNoKey       FindingCode = "signing_certificate_missing"
	FindingNameID      FindingCode = "name_id_format"
	FindingAttribute   FindingCode = "attribute"
	FindingTooMany     FindingCode = "too_many"
)

// A Finding is one defect, in words for administrators; its text is printable and bounded.
type Finding struct {
	Code    FindingCode `json:"code"`
	Text    string      `json:"text"`
	Warning bool        `json:"warning,omitempty"` // it can be used nevertheless
}

// Findings are all defects of one description, in the order of its text.
type Findings []Finding

// maxFindings bounds what one description may say about itself.
const maxFindings = 100

// Failed reports whether any finding is more than a warning.
func (fs Findings) Failed() bool {
	for _, f := range fs {
		if !f.Warning {
			return true
		}
	}
	return false
}

// Has reports whether a finding has the code.
func (fs Findings) Has(code FindingCode) bool {
	for _, f := range fs {
		if f.Code == code {
			return true
		}
	}
	return false
}

// Err is the findings as an error, a line each, or nil if all are warnings.
func (fs Findings) Err() error {
	if !fs.Failed() {
		return nil
	}
	return findingsError(fs)
}

type findingsError Findings

func (e findingsError) Error() string {
	var lines []string
	for _, f := range e {
		if !f.Warning {
			lines = append(lines, f.Text)
		}
	}
	return strings.Join(lines, "\n")
}

func (fs *Findings) add(code FindingCode, format string, args ...any) {
	fs.append(Finding{Code: code, Text: audit.Printable(fmt.Sprintf(format, args...))})
}

func (fs *Findings) warn(code FindingCode, format string, args ...any) {
	fs.append(Finding{Code: code, Text: audit.Printable(fmt.Sprintf(format, args...)), Warning: true})
}

// append drops warnings beyond the bound; errors withhold the whole, so one is enough.
func (fs *Findings) append(f Finding) {
	if len(*fs) < maxFindings || !f.Warning && !fs.Failed() {
		*fs = append(*fs, f)
	}
}
