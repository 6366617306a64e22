package eaptls

import (
	"errors"
	"net"
	"reflect"
	"strconv"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/eap"
)

// alertNames are the alert descriptions of RFC 8446 §6 and RFC 5246 §7.2.
var alertNames = map[uint8]string{
	0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed",
	22: "record_overflow", 30: "decompression_failure", 40: "handshake_failure",
	42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked",
	45: "certificate_expired", 46: "certificate_unknown", 47: "illegal_parameter",
	48: "unknown_ca", 49: "access_denied", 50: "decode_error", 51: "decrypt_error",
	60: "export_restriction", 70: "protocol_version", 71: "insufficient_security",
	80: "internal_error", 86: "inappropriate_fallback", 90: "user_canceled",
	100: "no_renegotiation", 109: "missing_extension", 110: "unsupported_extension",
	112: "unrecognized_name", 113: "bad_certificate_status_response",
	115: "unknown_psk_identity", 116: "certificate_required", 120: "no_application_protocol",
}

// aboutOurCertificate holds the alerts by which a peer refuses the server's certificate.
var aboutOurCertificate = map[uint8]bool{42: true, 43: true, 44: true, 45: true, 46: true, 48: true}

func alertName(a uint8) string {
	if name, ok := alertNames[a]; ok {
		return name
	}
	return "alert " + strconv.Itoa(int(a))
}

// plainAlert returns the alert in a flight that is one unencrypted alert record (RFC 8446 §6).
// OpenSSL clients refuse our certificate so even with TLS 1.3: they encrypt nothing before
// their Finished, and the TLS library sees a record it cannot decrypt.
//
//	| 21 | legacy version (2) | 0 2 | level | description |
func plainAlert(flight []byte) (uint8, bool) {
	const recordAlert, recordLen = 21, 7
	if len(flight) != recordLen || flight[0] != recordAlert || flight[1] != 3 ||
		flight[3] != 0 || flight[4] != 2 {
		return 0, false
	}
	return flight[6], true
}

// alertFailure says that the peer broke off by alert.
func alertFailure(alert uint8) *eap.Failure {
	what := "the device broke off: "
	if aboutOurCertificate[alert] {
		what = "the device rejected our certificate: "
	}
	return &eap.Failure{Reason: audit.TLSPeerAlert, Detail: what + alertName(alert)}
}

// peerAlert returns the alert that the peer sent, if that is what err is about. crypto/tls
// hides it as an unexported integer type in a net.OpError, and in TLS 1.3 the record that
// carried it is encrypted, so the value is read by its kind.
func peerAlert(err error) (uint8, bool) {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return 0, false
	}
	v := reflect.ValueOf(op.Err)
	if v.Kind() != reflect.Uint8 {
		return 0, false
	}
	return uint8(v.Uint()), true
}
