package appliance_test

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/netip"
	"os"
	"testing"

	"gatehouse/authcore/pki/lab"
)

// cutAfter relays datagrams between a client and the server on port until n requests have been
// answered, then goes dead. It returns the port to talk to.
func cutAfter(t *testing.T, port, n int) int {
	t.Helper()
	loopback := netip.MustParseAddr("127.0.0.1")
	front := must(net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0))))(t)
	back := must(net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, uint16(port)))))(t)
	t.Cleanup(func() { _, _ = front.Close(), back.Close() })
	go func() {
		buf := make([]byte, 4096)
		for answered := 0; ; {
			size, client, err := front.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if answered == n {
				continue
			}
			if _, err := back.Write(buf[:size]); err != nil {
				return
			}
			if size, err = back.Read(buf); err != nil {
				return
			}
			if _, err := front.WriteToUDPAddrPort(buf[:size], client); err != nil {
				return
			}
			answered++
		}
	}()
	return front.LocalAddr().(*net.UDPAddr).Port
}

// chainOf puts n intermediates below ca and returns the lowest.
func chainOf(t *testing.T, ca *lab.CA, n int) *lab.CA {
	t.Helper()
	for range n {
		ca = must(ca.NewIntermediate(lab.CAOptions{Name: "Intermediate of " + ca.Certificate.Subject.CommonName}))(t)
	}
	return ca
}

// rootOf returns the anchor of a chain as PEM.
func rootOf(ca *lab.CA) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Root.Raw})
}

// keyKindOf tells the kind of key of the server's certificate in a PEM file of its chain.
func keyKindOf(t *testing.T, file string) string {
	t.Helper()
	rest := must(os.ReadFile(file))(t)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			t.Fatalf("%s holds no server certificate", file)
		}
		certificate := must(x509.ParseCertificate(block.Bytes))(t)
		if len(certificate.DNSNames) == 0 {
			continue // its CA
		}
		switch certificate.PublicKey.(type) {
		case *ecdsa.PublicKey:
			return "ecdsa"
		case *rsa.PublicKey:
			return "rsa"
		}
		return "unknown"
	}
}
