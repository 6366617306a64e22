package radius_test

import (
	"bytes"
	"errors"
	"testing"

	layeh "layeh.com/radius"
	"layeh.com/radius/vendors/microsoft"

	"gatehouse/authcore/radius"
)

func key(first byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

func TestTL12KeysByIndependentDecoder(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 15, 16, 31, 32, 64, 128, 239} {
		recv, send := key(1, n), key(101, n)
		r := radius.NewResponse(radius.CodeAccessAccept)
		r.SetMPPEKeys(recv, send)
		raw := datagram(radius.CodeAccessRequest, 1)
		request, err := layeh.Parse(raw, []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := layeh.Parse(encode(t, r, raw), []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		gotRecv, err := microsoft.MSMPPERecvKey_Lookup(answer, request)
		if err != nil || !bytes.Equal(gotRecv, recv) {
			t.Errorf("%d bytes: MS-MPPE-Recv-Key = %x, %v, want %x", n, gotRecv, err, recv)
		}
		gotSend, err := microsoft.MSMPPESendKey_Lookup(answer, request)
		if err != nil || !bytes.Equal(gotSend, send) {
			t.Errorf("%d bytes: MS-MPPE-Send-Key = %x, %v, want %x", n, gotSend, err, send)
		}
	}
}

func TestTL12SaltsAreMarkedDistinctAndFresh(t *testing.T) {
	t.Parallel()
	r := radius.NewResponse(radius.CodeAccessAccept)
	r.SetMPPEKeys(key(1, 32), key(2, 32))
	seen := make(map[string]bool)
	for range 64 {
		p := mustParse(t, encode(t, r, datagram(radius.CodeAccessRequest, 1)))
		var salts []string
		for typ, v := range p.Attributes.All() {
			if typ != radius.TypeVendorSpecific {
				continue
			}
			// Vendor, type, length, salt, then length octet, 32 bytes and padding.
			if len(v) != 4+2+2+48 || v[5] != 2+2+48 {
				t.Fatalf("key attribute has %d bytes, length octet %d", len(v), v[5])
			}
			if v[6]&0x80 == 0 {
				t.Errorf("salt %x%x lacks its top bit", v[6], v[7])
			}
			salts = append(salts, string(v[6:8]))
		}
		if len(salts) != 2 || salts[0] == salts[1] {
			t.Errorf("salts %x, want two that differ", salts)
		}
		seen[salts[0]] = true
	}
	if len(seen) < 16 {
		t.Errorf("%d different salts in 64 answers", len(seen))
	}
}

func TestMPPEKeysTooLongFailEncode(t *testing.T) {
	t.Parallel()
	r := radius.NewResponse(radius.CodeAccessAccept)
	r.SetMPPEKeys(make([]byte, 240), nil)
	p := mustParse(t, datagram(radius.CodeAccessRequest, 1))
	if _, err := r.Encode(nil, &p, []byte(secret)); !errors.Is(err, radius.ErrTooLong) {
		t.Errorf("Encode = %v, want ErrTooLong", err)
	}
}

func TestMPPEKeysAreCopied(t *testing.T) {
	t.Parallel()
	recv := key(1, 32)
	r := radius.NewResponse(radius.CodeAccessAccept)
	r.SetMPPEKeys(recv, key(2, 32))
	clear(recv)
	raw := datagram(radius.CodeAccessRequest, 1)
	request, _ := layeh.Parse(raw, []byte(secret))
	answer, _ := layeh.Parse(encode(t, r, raw), []byte(secret))
	if got, _ := microsoft.MSMPPERecvKey_Lookup(answer, request); !bytes.Equal(got, key(1, 32)) {
		t.Errorf("the key followed the caller's buffer: %x", got)
	}
}
