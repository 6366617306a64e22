package load

import (
	"fmt"
	"net/netip"
	"time"

	"gatehouse/authcore/policy"
)

// revocationYAML is revocation in policy.yaml, and the keys of it that a CA file may override.
type revocationYAML struct {
	OCSP          string        `yaml:"ocsp"`
	NoResponder   string        `yaml:"no_responder"`
	Intermediates string        `yaml:"intermediates"`
	Order         []string      `yaml:"order"`
	Budget        time.Duration `yaml:"budget"`
	Nonce         bool          `yaml:"nonce"`
	MaxAge        time.Duration `yaml:"max_age"`
	Grace         time.Duration `yaml:"grace"`
	Skew          time.Duration `yaml:"skew"`
}

func fromRevocation(p *policy.Revocation) revocationYAML {
	return revocationYAML{
		OCSP: string(p.OCSP), NoResponder: p.NoResponder, Intermediates: p.Intermediates,
		Order: p.Order, Budget: p.Budget, Nonce: p.Nonce, MaxAge: p.MaxAge, Grace: p.Grace,
		Skew: p.Skew,
	}
}

// revocation judges the keys below path.
func (d *document) revocation(path string, y *revocationYAML) policy.Revocation {
	d.oneOf(path+".ocsp", y.OCSP,
		string(policy.OCSPRequire), string(policy.OCSPPrefer), string(policy.OCSPOff))
	d.oneOf(path+".no_responder", y.NoResponder, "reject", "responder", "crl", "allow")
	d.oneOf(path+".intermediates", y.Intermediates, "when_named", "strict", "off")
	d.words(path+".order", y.Order, "ocsp", "crl")
	d.within(path+".budget", y.Budget, 100*time.Millisecond, 30*time.Second)
	d.within(path+".skew", y.Skew, 0, time.Hour)
	d.within(path+".grace", y.Grace, 0, 90*24*time.Hour)
	d.within(path+".max_age", y.MaxAge, 0, 365*24*time.Hour)
	return policy.Revocation{
		OCSP: policy.OCSPMode(y.OCSP), NoResponder: y.NoResponder, Intermediates: y.Intermediates,
		Order: y.Order, Budget: y.Budget, Nonce: y.Nonce, MaxAge: y.MaxAge, Grace: y.Grace,
		Skew: y.Skew,
	}
}

// caRevocationYAML is revocation in ca/NAME.yaml.
type caRevocationYAML struct {
	revocationYAML
	Responder      string   `yaml:"responder"`
	CRL            string   `yaml:"crl"`
	AllowAddresses []string `yaml:"allow_addresses"`
}

// caRevocation judges revocation of a CA file.
func (d *document) caRevocation(y *caRevocationYAML) policy.Revocation {
	r := d.revocation("revocation", &y.revocationYAML)
	d.url("revocation.responder", y.Responder)
	d.url("revocation.crl", y.CRL)
	r.Responder, r.CRL = y.Responder, y.CRL
	for i, s := range y.AllowAddresses {
		p, text, remedy := parsePrefix(s)
		if text != "" {
			d.report(Error, fmt.Sprintf("revocation.allow_addresses[%d]", i), text, remedy)
			continue
		}
		r.AllowAddresses = append(r.AllowAddresses, p.String())
	}
	return r
}

// parsePrefix reads one IP address or a prefix, IPv4-mapped ones as IPv4. A text says what is
// wrong.
func parsePrefix(s string) (p netip.Prefix, text, remedy string) {
	if a, err := netip.ParseAddr(s); err == nil {
		if a.Zone() != "" {
			return p, "an address with a zone", "leave out what follows the %"
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), "", ""
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, "this is no IP address and no prefix", "write 192.0.2.7 or 192.0.2.0/24"
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return p, fmt.Sprintf("%q reaches beyond IPv4", clip(s)), "write it as an IPv4 prefix"
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	if p != p.Masked() {
		return p, fmt.Sprintf("%s has bits behind the first %d", p, p.Bits()),
			fmt.Sprintf("write %s for the network, or %s for the one address", p.Masked(), p.Addr())
	}
	return p, "", ""
}
