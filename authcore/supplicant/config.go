package supplicant

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// What Config's zero values stand for, and the bounds it is checked against.
const (
	// DefaultFragmentSize is the largest EAP packet sent, in bytes, as wpa_supplicant has it.
	DefaultFragmentSize = 1398
	// DefaultTimeout is how long one transmission waits for its answer.
	DefaultTimeout = 5 * time.Second
	// DefaultRetries is how often an unanswered request is sent again.
	DefaultRetries = 2

	minFragmentSize  = 20
	maxFragmentSize  = 3500 // 14 EAP-Message attributes leave room for all others in 4096 bytes
	maxIdentityBytes = 253  // what one User-Name attribute holds (RFC 2865 §5.1)
	maxTextBytes     = 253
)

// Attribute is one more RADIUS attribute for every request: its type and value, at most 253
// bytes, sent as it is.
type Attribute struct {
	Type  byte
	Value []byte
}

// Config says whom to ask, as whom, and how. The zero value of a field is its default; Server
// and Secret have none. A Config is only read, and may be shared by many conversations.
type Config struct {
	Server    string // RADIUS server, host:port
	Secret    []byte // shared secret
	LocalAddr string // source host:port; empty: the system's choice

	Identity    string           // outer identity and User-Name, at most 253 bytes; may be empty
	Certificate *tls.Certificate // leaf first; nil: the peer presents none
	RootCAs     *x509.CertPool   // nil: the server is not verified, and the Report says so
	ServerName  string           // name the server's certificate must carry; empty: any
	// VerifyServer judges the certificates that the server presents, leaf first, in the place of
	// RootCAs, ServerName and Time; nil: those do.
	VerifyServer func([]*x509.Certificate) error
	Time         func() time.Time // clock for the server's certificate; nil: time.Now
	Attributes   []Attribute      // added to every request, for example Proxy-State

	SSID             string     // appended to Called-Station-Id behind a colon
	NASIdentifier    string     // empty: "gatehouse-probe"
	NASIPAddress     netip.Addr // zero: the address the socket is bound to
	CallingStationID string     // empty: 02-00-00-00-00-01
	CalledStationID  string     // empty: 02-00-00-00-00-00
	FramedMTU        int        // 0: not sent
	EAPKeyName       bool       // ask for the Session-Id (RFC 7268 §2.2)

	TLSMin, TLSMax   uint16                 // 0: TLS 1.2 and TLS 1.3
	CipherSuites     []uint16               // up to TLS 1.2 only; nil: crypto/tls's own list
	CurvePreferences []tls.CurveID          // nil: X25519, P-256, P-384 (no post-quantum shares)
	SessionCache     tls.ClientSessionCache // nil: never resumes; key it by Server and identity

	FragmentSize int           // EAP packet bytes sent at most, 20 to 3500; 0: DefaultFragmentSize
	AlwaysLength bool          // set the L bit on unfragmented messages too, as old peers do
	Timeout      time.Duration // for each transmission; 0: DefaultTimeout
	Retries      int           // retransmissions; 0: DefaultRetries; negative: none
}

// withDefaults returns cfg with defaults in place of zero values, or what is wrong with it.
func (cfg Config) withDefaults() (Config, error) {
	if _, _, err := net.SplitHostPort(cfg.Server); err != nil {
		return cfg, fmt.Errorf("reading server address: %w", err)
	}
	if len(cfg.Secret) == 0 {
		return cfg, errors.New("shared secret is empty")
	}
	if cfg.FragmentSize == 0 {
		cfg.FragmentSize = DefaultFragmentSize
	}
	if cfg.FragmentSize < minFragmentSize || cfg.FragmentSize > maxFragmentSize {
		return cfg, fmt.Errorf("fragment size %d is not between %d and %d",
			cfg.FragmentSize, minFragmentSize, maxFragmentSize)
	}
	if cfg.FramedMTU < 0 || cfg.FramedMTU > 65535 {
		return cfg, fmt.Errorf("framed MTU %d is not between 0 and 65535", cfg.FramedMTU)
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Retries == 0 {
		cfg.Retries = DefaultRetries
	}
	if cfg.CurvePreferences == nil {
		cfg.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384}
	}
	return cfg.withNames()
}

// withNames fills in the names a NAS tells in every request, and the TLS versions.
func (cfg Config) withNames() (Config, error) {
	setDefault(&cfg.NASIdentifier, "gatehouse-probe")
	setDefault(&cfg.CallingStationID, "02-00-00-00-00-01")
	setDefault(&cfg.CalledStationID, "02-00-00-00-00-00")
	if cfg.SSID != "" {
		cfg.CalledStationID += ":" + cfg.SSID
		cfg.SSID = "" // it must not be appended twice
	}
	if cfg.TLSMin == 0 {
		cfg.TLSMin = tls.VersionTLS12
		if cfg.TLSMax != 0 {
			cfg.TLSMin = min(cfg.TLSMin, cfg.TLSMax)
		}
	}
	if cfg.TLSMax == 0 {
		cfg.TLSMax = tls.VersionTLS13
	}
	if cfg.TLSMin > cfg.TLSMax {
		return cfg, fmt.Errorf("lowest TLS version %s is above the highest, %s",
			tls.VersionName(cfg.TLSMin), tls.VersionName(cfg.TLSMax))
	}
	if len(cfg.Identity) > maxIdentityBytes {
		return cfg, fmt.Errorf("identity has %d bytes, at most %d fit",
			len(cfg.Identity), maxIdentityBytes)
	}
	for _, s := range []string{cfg.NASIdentifier, cfg.CallingStationID, cfg.CalledStationID} {
		if len(s) > maxTextBytes {
			return cfg, fmt.Errorf("a name of %d bytes does not fit an attribute", len(s))
		}
	}
	for _, a := range cfg.Attributes {
		if len(a.Value) > maxTextBytes {
			return cfg, fmt.Errorf("attribute %d has %d bytes, at most %d fit",
				a.Type, len(a.Value), maxTextBytes)
		}
	}
	return cfg, nil
}

func setDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}
