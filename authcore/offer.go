package authcore

import (
	"crypto/tls"

	"gatehouse/authcore/eap"
	"gatehouse/authcore/eap/eaptls"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
)

// offers returns the methods that this conversation may use, with the server credentials of
// the Snapshot in force at its start. mtu is the largest EAP packet of the link, or 0.
func (a *Authenticator) offers(c *conversation, sn *snapshot.Snapshot, mtu int) []eap.Offer {
	server := sn.Server(c.server)
	if server == nil || server.Method != policy.Passwordless {
		return nil
	}
	var offers []eap.Offer
	for _, m := range sn.Policy().EAP.Methods {
		if m == policy.MethodTLS {
			offers = append(offers, eap.Offer{Type: eap.TypeTLS, New: func() eap.Method {
				return eaptls.New(a.tlsConfig(c, sn, server, mtu))
			}})
		}
	}
	return offers
}

func (a *Authenticator) tlsConfig(c *conversation, sn *snapshot.Snapshot, server *snapshot.Server, mtu int) eaptls.Config {
	rules := &sn.Policy().EAP
	if mtu <= 0 { // every link carries that much (RFC 3748 §3.1)
		mtu = eaptls.DefaultFragmentSize
	}
	config := eaptls.Config{
		TLSMin: rules.TLSMin, TLSMax: rules.TLSMax, PostQuantum: rules.PostQuantum,
		FragmentSize: min(rules.FragmentSize, mtu), Budget: a.flights,
		Time: a.config.Now, Certificates: a.credentials(sn),
		Sessions: a.sessions, SessionLifetime: rules.SessionLifetime,
		Binding: eaptls.Binding(server.TrustHash),
		Verify:  func(cs *tls.ConnectionState) eaptls.Verdict { return c.verdict(a, cs) },
	}
	if rules.CAHints {
		config.ClientCAs = server.Hints
	}
	return config
}
