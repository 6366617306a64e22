package supplicant

import (
	"bytes"
	"fmt"
	"net"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc3162"
	"layeh.com/radius/rfc4072"
)

// sentRequest is the newest request: what its answer is checked against.
type sentRequest struct {
	packet *radius.Packet
	raw    []byte
	eap    []byte
	state  []byte
}

// Build makes the next request, which becomes the one that answers are checked against, and
// returns its datagram without sending it: for Send, as it is or damaged.
func (c *Conn) Build(eap []byte) ([]byte, error) {
	err := c.build(bytes.Clone(eap))
	return bytes.Clone(c.last.raw), err
}

func (c *Conn) build(eap []byte) error {
	packet := radius.New(radius.CodeAccessRequest, c.cfg.Secret)
	c.identifier++
	packet.Identifier = c.identifier
	packet.Add(rfc2869.MessageAuthenticator_Type, make([]byte, 16)) // first: CVE-2024-3596
	c.addNames(packet)
	if c.state != nil {
		packet.Add(rfc2865.State_Type, c.state)
	}
	for _, a := range c.cfg.Attributes {
		packet.Add(radius.Type(a.Type), a.Value)
	}
	if len(eap) == 0 {
		packet.Add(rfc2869.EAPMessage_Type, nil)
	}
	for rest := eap; len(rest) > 0; {
		n := min(len(rest), maxTextBytes)
		packet.Add(rfc2869.EAPMessage_Type, rest[:n])
		rest = rest[n:]
	}
	raw, err := packet.MarshalBinary()
	if err != nil {
		return fmt.Errorf("encoding request: %w", err)
	}
	const at = radiusHeaderBytes + attributeHeaderBytes // it is the first attribute
	mac, err := messageAuthenticator(raw, packet, at)
	if err != nil {
		return err
	}
	copy(raw[at:], mac)
	packet.Attributes[0].Attribute = mac
	c.last = sentRequest{packet, raw, eap, c.state}
	return nil
}

// addNames adds what a Wi-Fi access point says of itself and the station (RFC 3580 §3).
func (c *Conn) addNames(p *radius.Packet) {
	if c.cfg.Identity != "" {
		p.Add(rfc2865.UserName_Type, []byte(c.cfg.Identity))
	}
	nas := c.cfg.NASIPAddress
	if a, ok := c.udp.LocalAddr().(*net.UDPAddr); ok && !nas.IsValid() {
		nas = a.AddrPort().Addr()
	}
	switch nas = nas.Unmap(); {
	case nas.Is4():
		p.Add(rfc2865.NASIPAddress_Type, nas.AsSlice())
	case nas.Is6():
		p.Add(rfc3162.NASIPv6Address_Type, nas.AsSlice())
	}
	p.Add(rfc2865.NASIdentifier_Type, []byte(c.cfg.NASIdentifier))
	p.Add(rfc2865.CallingStationID_Type, []byte(c.cfg.CallingStationID))
	p.Add(rfc2865.CalledStationID_Type, []byte(c.cfg.CalledStationID))
	p.Add(rfc2865.ServiceType_Type, radius.NewInteger(2))  // Framed
	p.Add(rfc2865.NASPortType_Type, radius.NewInteger(19)) // Wireless - IEEE 802.11
	if c.cfg.FramedMTU > 0 {
		p.Add(rfc2865.FramedMTU_Type, radius.NewInteger(uint32(c.cfg.FramedMTU)))
	}
	if c.cfg.EAPKeyName {
		p.Add(rfc4072.EAPKeyName_Type, []byte{0}) // a single NUL (RFC 7268 §2.2)
	}
}
