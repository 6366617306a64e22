package load

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/authcore/policy"
	"gatehouse/authcore/revocation"
	"gatehouse/authcore/snapshot"
)

const (
	maxListBytes = 12 << 20 // of ca/NAME.crl: one list in PEM
	maxLists     = 16       // in it
)

// loadLists reads ca/NAME.crl for each CA. A broken file costs the lists in it, not the CA: what
// was in force of them stays so.
func (l *loader) loadLists(cas []*snapshot.CA) {
	last := byName(l.last.CAs, func(ca *snapshot.CA) string { return ca.Name })
	known := map[string]bool{}
	for i, ca := range cas {
		file := "ca/" + ca.Name + ".crl"
		known[file] = true
		before := last[ca.Name]
		if !l.tree.files[file] && l.tree.unreadable[file] == nil {
			own := *ca // it may be that of the Snapshot in force
			own.Lists, cas[i] = l.listsAfterDeletion(file, before), &own
			if len(own.Lists) > 0 {
				l.bringKept(file)
			}
			continue
		}
		o := l.object(file)
		lists := l.readLists(o, file, ca, before)
		switch {
		case !o.failed:
		case before != nil && len(before.Lists) > 0:
			o.settle(Kept)
			lists = before.Lists
		case len(lists) > 0:
			o.settle(Reduced)
		default:
			o.settle(LeftOut)
		}
		own := *ca // it may be that of the Snapshot in force
		own.Lists, cas[i] = lists, &own
		switch {
		case o.failed && before != nil && len(before.Lists) > 0:
			l.bringKept(file)
		case len(lists) > 0:
			l.bring(file, o)
		}
	}
}

// listsAfterDeletion returns the lists that stay in force of a file that is there no more.
func (l *loader) listsAfterDeletion(file string, before *snapshot.CA) []snapshot.List {
	if before == nil || len(before.Lists) == 0 || l.isGone(file) && !l.holds(l.object(file), file) {
		return nil
	}
	return before.Lists
}

// readLists reads and verifies the lists in file; those that were in force before are not
// verified again, since that takes a while for large ones. o has failed if one is of no use.
func (l *loader) readLists(o *object, file string, ca, before *snapshot.CA) []snapshot.List {
	if err := l.tree.unreadable[file]; err != nil {
		o.fail(file, 0, "the file cannot be read: "+err.Error(), "")
		return nil
	}
	o.files = append(o.files, file)
	data, err := l.tree.readUpTo(file, maxListBytes)
	if err != nil {
		o.fail(file, 0, "the file cannot be read: "+err.Error(), "")
		return nil
	}
	var lists []snapshot.List
	for _, block := range splitLists(data) {
		if len(lists) >= maxLists {
			o.fail(file, block.line, fmt.Sprintf("more than %d lists", maxLists), "")
			return nil
		}
		list := snapshot.List{Name: file, DER: block.der}
		if !wasInForce(&list, ca, before) && !verifyList(o, block.line, &list, ca) {
			continue
		}
		if l.now.After(list.NextUpdate) {
			o.warn(file, block.line, "the list expired on "+list.NextUpdate.UTC().Format(time.RFC3339),
				"fetch a current one from the CA; until then revocation.grace counts, if there is any")
		}
		lists = append(lists, list)
	}
	if len(lists) == 0 && !o.failed {
		o.fail(file, 0, "there is no certificate revocation list in it",
			"put the CA's list there, in DER or in PEM (BEGIN X509 CRL)")
	}
	return lists
}

type listBlock struct {
	der  []byte
	line int // 0: the file is DER
}

// splitLists returns the lists of a file in PEM, or the file itself.
func splitLists(data []byte) []listBlock {
	if !bytes.Contains(data, []byte("-----BEGIN")) {
		return []listBlock{{der: data}}
	}
	var blocks []listBlock
	for rest := data; ; {
		begin := bytes.Index(rest, []byte("-----BEGIN"))
		if begin < 0 {
			return blocks
		}
		line := 1 + bytes.Count(data[:len(data)-len(rest)+begin], []byte("\n"))
		block, after := pem.Decode(rest)
		if block == nil {
			return blocks
		}
		if block.Type == "X509 CRL" {
			blocks = append(blocks, listBlock{der: block.Bytes, line: line})
		}
		rest = after
	}
}

// wasInForce reports whether the same CA had the same list before, and takes over what is known
// of it.
func wasInForce(list *snapshot.List, ca, before *snapshot.CA) bool {
	if before == nil || !slices.EqualFunc(signers(ca), signers(before), (*x509.Certificate).Equal) {
		return false
	}
	for i := range before.Lists {
		if bytes.Equal(before.Lists[i].DER, list.DER) {
			list.NextUpdate = before.Lists[i].NextUpdate
			return true
		}
	}
	return false
}

func signers(ca *snapshot.CA) []*x509.Certificate {
	return slices.Concat(ca.Intermediates, ca.Anchors)
}

// verifyList reports whether one of the CA's certificates signed the list.
func verifyList(o *object, line int, list *snapshot.List, ca *snapshot.CA) bool {
	why := errors.New("the CA has no certificates")
	for i, issuer := range signers(ca) {
		verified, err := revocation.VerifyCRL(list.DER, issuer)
		if err == nil {
			list.NextUpdate = verified.NextUpdate
			return true
		}
		if i == 0 || names(list.DER, issuer) {
			why = err
		}
	}
	o.fail(list.Name, line, why.Error(), "put a list there that the CA itself has signed")
	return false
}

// names reports whether the list names issuer as who made it.
func names(der []byte, issuer *x509.Certificate) bool {
	return bytes.Contains(der[:min(len(der), 4096)], issuer.RawSubject)
}

// warnRevocation is about rules that can never be met.
func (l *loader) warnRevocation() {
	for _, f := range l.cas {
		if f.ca == nil || f.ca.Revocation.OCSP == policy.OCSPOff {
			continue
		}
		r := &f.ca.Revocation
		switch {
		case r.NoResponder == "responder" && r.Responder == "":
			l.warnRule(f, "no_responder", "no_responder: responder, but the CA has no responder: certificates that name none are refused (ocsp_no_responder)",
				fmt.Sprintf("write revocation: {responder: URL} into ca/%s.yaml", f.ca.Name))
		case len(r.Order) == 1 && r.Order[0] == "ocsp" && r.CRL != "":
			l.warnRule(f, "crl", "the list is never looked at: order names ocsp only", "write order: [ocsp, crl]")
		}
	}
}

func (l *loader) warnRule(f *caFile, key, text, remedy string) {
	if f.doc != nil && f.doc.at.Has("revocation."+key) {
		f.doc.report(Warning, "revocation."+key, text, remedy)
		return
	}
	f.warn(f.chain, 0, text, remedy)
}
