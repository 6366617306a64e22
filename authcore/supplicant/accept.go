package supplicant

import (
	"crypto/subtle"
	"fmt"

	"gatehouse/authcore/audit"

	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc4072"
)

// tellAccept checks what an Access-Accept must bring: both keys, the Session-Id where it was
// asked for, and a whole VLAN.
func (c *Conversation) tellAccept(r *Report) {
	r.UserName = audit.Printable(string(c.reply.Attributes.Get(rfc2865.UserName_Type)))
	vlan, err := tunnelVLAN(c.reply.Attributes)
	r.VLAN = audit.Printable(vlan)
	if err != nil {
		r.Violations = append(r.Violations, "AZ-1: "+err.Error())
	}
	if !c.Peer.engine.done {
		return
	}
	k, err := deriveKeys(c.Peer.engine)
	if err != nil {
		for _, name := range []StepName{StepRecvKey, StepSendKey} {
			r.notRun(name, err.Error())
		}
		return
	}
	defer clear(k.msk)
	r.KeysOK = c.tellMPPE(r, k)
	if !c.tellKeyName(r, k) {
		r.KeysOK = false
	}
}

func (c *Conversation) tellMPPE(r *Report, k keys) bool {
	recv, recvErr := checkMPPE(c.reply, c.cfg.Secret, typeMPPERecvKey, k.msk[:32])
	send, sendErr := checkMPPE(c.reply, c.cfg.Secret, typeMPPESendKey, k.msk[32:64])
	for _, key := range []struct {
		name  StepName
		label string
		err   error
	}{
		{StepRecvKey, "MS-MPPE-Recv-Key", recvErr}, {StepSendKey, "MS-MPPE-Send-Key", sendErr},
	} {
		if key.err != nil {
			r.fail(key.name, key.err.Error())
			r.Violations = append(r.Violations,
				fmt.Sprintf("TL-12: %s %v", key.label, key.err))
			continue
		}
		r.pass(key.name, "")
	}
	if recvErr == nil && sendErr == nil && recv.salt == send.salt {
		r.Violations = append(r.Violations, "TL-12: both MPPE keys have the same salt")
	}
	return recvErr == nil && sendErr == nil
}

func (c *Conversation) tellKeyName(r *Report, k keys) bool {
	got, there := c.reply.Attributes.Lookup(rfc4072.EAPKeyName_Type)
	switch {
	case !there && !c.cfg.EAPKeyName:
		r.notRun(StepKeyName, "not asked for")
	case !there:
		r.fail(StepKeyName, "asked for, not in the Access-Accept")
		r.Violations = append(r.Violations, "EA-14: EAP-Key-Name asked for, not returned")
		return false
	case subtle.ConstantTimeCompare(got, k.sessionID) != 1:
		r.fail(StepKeyName, "is not the Session-Id that we derived")
		r.Violations = append(r.Violations, "TL-11: EAP-Key-Name is not our Session-Id")
		return false
	default:
		r.pass(StepKeyName, "")
	}
	return true
}
