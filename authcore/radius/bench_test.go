package radius_test

import (
	"testing"

	"gatehouse/authcore/radius"
)

func BenchmarkParse(b *testing.B) {
	v := vectors(b)["eapol_test-identity.hex"]
	var eap [radius.MaxPacketLength]byte
	b.ReportAllocs()
	for b.Loop() {
		p, err := radius.Parse(v.packet)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := p.EAPMessage(eap[:0]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckMessageAuthenticator(b *testing.B) {
	v := vectors(b)["eapol_test-identity.hex"]
	p := mustParse(b, v.packet)
	b.ReportAllocs()
	for b.Loop() {
		if err := p.CheckMessageAuthenticator(v.secret); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	request := mustParse(b, vectors(b)["eapol_test-identity.hex"].packet)
	challenge := radius.NewResponse(radius.CodeAccessChallenge)
	challenge.SetEAPMessage([]byte(eapPacket(1020)))
	accept := radius.NewResponse(radius.CodeAccessAccept)
	accept.SetEAPMessage([]byte(eapPacket(4)))
	accept.SetMPPEKeys(key(1, 32), key(2, 32))
	for name, r := range map[string]*radius.Response{"challenge": challenge, "accept": accept} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Encode(nil, &request, []byte(secret)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
