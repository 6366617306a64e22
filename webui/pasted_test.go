package webui_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"gatehouse/authcore/saml/pair"
	"gatehouse/webui"
)

// TestPastedTextIsWhatSomebodyPasted takes back what browsers do to the ends of lines in a text
// area, so that nobody is told of damage that was done on the way here. Files are left as they are.
func TestPastedTextIsWhatSomebodyPasted(t *testing.T) {
	t.Parallel()
	const text = "-----BEGIN CERTIFICATE-----\r\nAA==\r\n-----END CERTIFICATE-----\r\n"
	for field, want := range map[string]string{"text": strings.ReplaceAll(text, "\r", ""), "file": text} {
		var got string
		h := newHouse(t, func(c *webui.Config) {
			c.Backend.SAML.Apps = func() []webui.SAMLApp { return []webui.SAMLApp{{Name: "wiki"}} }
			c.Backend.SAML.Compare = func(_ string, data []byte) (*pair.Comparison, error) {
				got = string(data)
				return &pair.Comparison{}, nil
			}
		})
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		part, err := w.CreateFormField(field)
		if field == "file" {
			part, err = w.CreateFormFile(field, "theirs.pem")
		}
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write([]byte(text)) // to memory
		_ = w.Close()
		page := h.do(visit{method: "POST", path: "/setup/saml/wiki/compare", cookie: h.signIn("tech"), body: b.String(),
			header: http.Header{"Content-Type": {w.FormDataContentType()}}})
		if got != want {
			t.Errorf("%s: got %d %q, want %q", field, page.Code, got, want)
		}
		if field == "text" && strings.Contains(page.Body.String(), "carriage return") {
			t.Errorf("the page complains of carriage returns:\n%s", page.Body)
		}
	}
}
