package eaptls

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/eap"
)

// diagnose turns the error that ended the TLS engine into a reason.
func (m *Method) diagnose(err error) *eap.Failure {
	if alert, ok := peerAlert(err); ok {
		return alertFailure(alert)
	}
	switch {
	case m.phase == finishing:
		return &eap.Failure{Reason: audit.EAPInvalid,
			Detail: "TLS data where the final acknowledgement was due"}
	case m.asked && m.verdict.Failure != nil:
		return m.verdict.Failure
	case m.asked:
		// Between the verdict and the Finished stands only the proof.
		return &eap.Failure{Reason: audit.PossessionFailed, Detail: libraryText(err)}
	case m.hello != nil && !m.commonVersion():
		return &eap.Failure{Reason: audit.TLSVersion, Detail: "the device only offers " +
			versionNames(m.hello) + "; allowed here: " + m.allowedVersions()}
	}
	return &eap.Failure{Reason: handshakeReason(err), Detail: libraryText(err)}
}

func (m *Method) commonVersion() bool {
	return slices.ContainsFunc(m.hello, func(v uint16) bool {
		return v >= max(m.config.TLSMin, tls.VersionTLS12) && v <= m.tlsMax()
	})
}

func (m *Method) tlsMax() uint16 {
	if m.config.TLSMax == 0 {
		return tls.VersionTLS13
	}
	return m.config.TLSMax
}

func (m *Method) allowedVersions() string {
	lowest, highest := max(m.config.TLSMin, tls.VersionTLS12), m.tlsMax()
	if lowest == highest {
		return tls.VersionName(lowest)
	}
	return tls.VersionName(lowest) + " to " + tls.VersionName(highest)
}

// versionNames lists known TLS versions; what a peer greases its hello with is left out.
func versionNames(versions []uint16) string {
	var names []string
	for _, v := range versions {
		if v >= tls.VersionTLS10 && v <= tls.VersionTLS13 {
			names = append(names, tls.VersionName(v))
		}
	}
	if len(names) == 0 {
		return "unknown versions"
	}
	return strings.Join(names, ", ")
}

// handshakeReason tells a certificate that crypto/tls could not read, or whose key it refuses,
// from the rest. The library has no error values for these, so its text is compared; a test
// pins that text.
func handshakeReason(err error) audit.Reason {
	text := err.Error()
	switch {
	case strings.Contains(text, "failed to parse client certificate"):
		return audit.CertUnreadable
	case strings.Contains(text, "certificate containing RSA key larger"),
		strings.Contains(text, "unsupported public key"):
		return audit.CertWeak
	}
	return audit.TLSHandshake
}

// libraryText makes an error of the TLS library, which may quote the peer, fit to be shown.
func libraryText(err error) string {
	return audit.Printable(strings.TrimPrefix(fmt.Sprint(err), "tls: "))
}
