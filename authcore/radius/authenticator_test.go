package radius_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"gatehouse/authcore/radius"
)

func TestMA1VectorsVerify(t *testing.T) {
	t.Parallel()
	verified := 0
	for name, v := range vectors(t) {
		p := mustParse(t, v.packet)
		if v.request != "" || p.Attributes.Count(radius.TypeMessageAuthenticator) == 0 {
			continue
		}
		verified++
		if err := p.CheckMessageAuthenticator(v.secret); err != nil {
			t.Errorf("%s: CheckMessageAuthenticator = %v", name, err)
		}
		if err := p.CheckMessageAuthenticator([]byte("wrong")); !errors.Is(err,
			radius.ErrMessageAuthenticatorWrong) {
			t.Errorf("%s: under a wrong secret = %v", name, err)
		}
	}
	if verified < 3 {
		t.Errorf("only %d vectors carry a Message-Authenticator, want 3 or more", verified)
	}
}

func TestMA1AnyFlippedBitIsNoticed(t *testing.T) {
	t.Parallel()
	v := vectors(t)["eapol_test-identity.hex"]
	for i := range len(v.packet) * 8 {
		b := bytes.Clone(v.packet)
		b[i/8] ^= 1 << (i % 8)
		p, err := radius.Parse(b)
		if err != nil {
			continue
		}
		if p.CheckMessageAuthenticator(v.secret) == nil {
			t.Errorf("flipping bit %d of byte %d goes unnoticed", i%8, i/8)
		}
	}
}

func TestMA1MissingIsToldApart(t *testing.T) {
	t.Parallel()
	p := mustParse(t, vectors(t)["rfc2865-7.1-request.hex"].packet)
	if err := p.CheckMessageAuthenticator([]byte("xyzzy5461")); !errors.Is(err,
		radius.ErrMessageAuthenticatorMissing) {
		t.Errorf("CheckMessageAuthenticator = %v, want missing", err)
	}
}

func TestMA1SecretsLongerThanABlock(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 63, 64, 65, 200} {
		key := strings.Repeat("k", n)
		b := datagram(radius.CodeAccessRequest, 1,
			attr{radius.TypeMessageAuthenticator, zero16}, attr{radius.TypeUserName, "anna"})
		authenticate(b, 22, key)
		p := mustParse(t, b)
		if err := p.CheckMessageAuthenticator([]byte(key)); err != nil {
			t.Errorf("secret of %d bytes: %v", n, err)
		}
	}
}

func TestMA7AccountingAndCoAAreSignedOverZeros(t *testing.T) {
	t.Parallel()
	for code, zeros := range map[radius.Code]bool{
		radius.CodeAccountingRequest: true, radius.CodeDisconnectRequest: true,
		radius.CodeCoARequest: true, radius.CodeStatusServer: false,
		radius.CodeAccessRequest: false,
	} {
		b := datagram(code, 1, attr{radius.TypeMessageAuthenticator, zero16})
		signed := bytes.Clone(b)
		if zeros {
			clear(signed[4:20])
		}
		authenticate(signed, 22, secret)
		copy(b[22:], signed[22:38])
		p := mustParse(t, b)
		if err := p.CheckMessageAuthenticator([]byte(secret)); err != nil {
			t.Errorf("%v: %v", code, err)
		}
	}
}

func TestRP9VectorsVerify(t *testing.T) {
	t.Parallel()
	all := vectors(t)
	verified := 0
	for name, v := range all {
		if v.request == "" {
			continue
		}
		verified++
		request := mustParse(t, all[v.request].packet)
		if _, err := radius.VerifyResponse(v.packet, request.Authenticator, v.secret); err != nil {
			t.Errorf("%s: VerifyResponse = %v", name, err)
		}
		for i := range v.packet {
			if i == 2 || i == 3 {
				continue // Length: another packet altogether
			}
			b := bytes.Clone(v.packet)
			b[i] ^= 0x40
			if _, err := radius.VerifyResponse(b, request.Authenticator, v.secret); err == nil {
				t.Errorf("%s: a change of byte %d goes unnoticed", name, i)
			}
		}
	}
	if verified < 4 {
		t.Errorf("only %d vectors are answers, want 4 or more", verified)
	}
}

func TestVerifyResponseErrors(t *testing.T) {
	t.Parallel()
	request := mustParse(t, datagram(radius.CodeAccessRequest, 3))
	good, err := radius.NewResponse(radius.CodeAccessReject).Encode(nil, &request, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := radius.VerifyResponse(good[:19], request.Authenticator, nil); !isDiscard(err) {
		t.Errorf("a short answer: %v, want a *DiscardError", err)
	}
	_, err = radius.VerifyResponse(good, request.Authenticator, []byte("other"))
	if !errors.Is(err, radius.ErrResponseAuthenticatorWrong) {
		t.Errorf("other secret: %v", err)
	}
	// A wrong Message-Authenticator under a right Response Authenticator.
	forged := bytes.Clone(good)
	forged[30] ^= 1
	resign(forged, request.Authenticator, secret)
	_, err = radius.VerifyResponse(forged, request.Authenticator, []byte(secret))
	if !errors.Is(err, radius.ErrMessageAuthenticatorWrong) {
		t.Errorf("forged Message-Authenticator: %v", err)
	}
}

func isDiscard(err error) bool {
	var d *radius.DiscardError
	return errors.As(err, &d)
}
