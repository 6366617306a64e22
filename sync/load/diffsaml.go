package load

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"

	"gatehouse/authcore/saml"
	"gatehouse/authcore/saml/pair"
	"gatehouse/authcore/snapshot"
)

// idp says what has changed about the identity provider.
func (d *differ) idp(a, b *snapshot.IDP) {
	const kind = "identity provider"
	switch {
	case a == nil && b == nil:
		return
	case a == nil:
		d.add(Added, kind, "")
		return
	case b == nil:
		d.add(Removed, kind, "")
		return
	}
	view := func(i *snapshot.IDP) *idpYAML {
		return &idpYAML{EntityID: i.EntityID, Host: i.Host, CA: i.CAs}
	}
	d.changed(kind, "", compare("", view(a), view(b))...)
	if !slices.EqualFunc(a.TLS.Certificate, b.TLS.Certificate, bytes.Equal) {
		d.changed(kind, "", "certificate of the listener changed")
	}
}

func (d *differ) apps(a, b []*snapshot.App) {
	each(d, "app", a, b, func(a *snapshot.App) string { return a.Name }, func(x, y *snapshot.App) {
		d.changed("app", x.Name, compare("", viewApp(x), viewApp(y))...)
		if !slices.Equal(x.Attributes, y.Attributes) {
			d.changed("app", x.Name, "attributes changed")
		}
		if !slices.EqualFunc(spCertificates(x), spCertificates(y), (*x509.Certificate).Equal) {
			d.changed("app", x.Name, "certificates of the service provider changed")
		}
		for _, slot := range []struct {
			role pair.Role
			a, b pair.Slot
		}{{pair.Active, x.Pairs.Active, y.Pairs.Active}, {pair.Next, x.Pairs.Next, y.Pairs.Next},
			{pair.Previous, x.Pairs.Previous, y.Pairs.Previous}} {
			if before, after := slotName(slot.a), slotName(slot.b); before != after {
				d.changed("app", x.Name, fmt.Sprintf("%s pair: %s → %s", slot.role, before, after))
			}
		}
	})
}

func spCertificates(a *snapshot.App) []*x509.Certificate {
	if a.SP == nil {
		return nil
	}
	return a.SP.Certificates
}

// slotName names a pair by the beginning of its certificate's fingerprint.
func slotName(s pair.Slot) string {
	switch {
	case s.Certificate != nil:
		return pair.Fingerprint(s.Certificate)[:12]
	case s.Key != nil:
		return "half a pair"
	}
	return "none"
}

// viewApp is an app in the words of app.yaml.
func viewApp(a *snapshot.App) *appYAML {
	y := &appYAML{Name: a.Title, Activated: a.Activated, Groups: a.Groups,
		WantSignedRequests: a.WantSignedRequests, Notify: a.Notify, NameID: "email"}
	if a.NameID == saml.NameIDUsername {
		y.NameID = "username"
	}
	y.Sign = map[saml.Signing]string{saml.SignBoth: "both", saml.SignAssertion: "assertion",
		saml.SignResponse: "response"}[a.Sign]
	if a.SP != nil {
		y.EntityID = a.SP.EntityID
		for _, acs := range a.SP.ACS {
			y.ACS = append(y.ACS, acs.Location)
		}
	}
	return y
}
