package webui_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"gatehouse/webui"
)

// sealedForm is a .p12 and its password.
const sealedForm = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.p12\"\r\n\r\n0sealed\r\n" +
	"--x\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nOPENSESAME\r\n--x--\r\n"

// TestSealedCertificateHasToWait says on the page and by the API that somebody else is first.
func TestSealedCertificateHasToWait(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *webui.Config) {
		c.Backend.OpenSealed = func(context.Context, []byte, string) ([]byte, error) {
			return nil, fmt.Errorf("%w: another .p12 is being opened", webui.ErrBusy)
		}
	})
	w := h.do(visit{method: "POST", path: "/check/certificate", cookie: h.signIn("tech"), header: multipartOf, body: sealedForm})
	if w.Code != 429 || !strings.Contains(w.Body.String(), "Another .p12 is being opened.") {
		t.Errorf("the page: got %d %s", w.Code, w.Body)
	}
	w = h.do(visit{method: "POST", path: "/api/v1/certificates/test", cookie: h.signIn("tech"), header: multipartOf, body: sealedForm})
	if w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("the API: got %d %v %s", w.Code, w.Header(), w.Body)
	}
}

// TestSealedCertificateIsChecked hands a .p12 and its password on, and shows neither.
func TestSealedCertificateIsChecked(t *testing.T) {
	t.Parallel()
	for _, refuse := range []bool{false, true} {
		var tested string
		h := newHouse(t, func(c *webui.Config) {
			c.Backend.OpenSealed = func(_ context.Context, file []byte, password string) ([]byte, error) {
				if string(file) != "0sealed" || password != "OPENSESAME" {
					t.Errorf("got %q with %q", file, password)
				}
				if refuse {
					return nil, fmt.Errorf("%w: the password is wrong", webui.ErrInvalid)
				}
				return []byte("the certificates"), nil
			}
			c.Backend.TestCertificate = func(certificate []byte, _ string) ([]webui.CertTest, error) {
				tested = string(certificate)
				return nil, nil
			}
		})
		w := h.do(visit{method: "POST", path: "/check/certificate", cookie: h.signIn("tech"), header: multipartOf, body: sealedForm})
		if refused := w.Code == 400 && strings.Contains(w.Body.String(), "The password is wrong."); refused != refuse {
			t.Errorf("refuse %v: got %d %s", refuse, w.Code, w.Body)
		}
		if (tested == "the certificates") == refuse || strings.Contains(w.Body.String(), "OPENSESAME") {
			t.Errorf("refuse %v: tested %q: %s", refuse, tested, w.Body)
		}
	}
}
