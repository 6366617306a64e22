package main

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
)

// TestPushSaysThatASignatureIsTooLong by whatever a client sends that does not look at it before:
// the gateway says so, in its own words or in those of net/http.
func TestPushSaysThatASignatureIsTooLong(t *testing.T) {
	state := newBundleGateway(t).state
	g, err := (&remote{}).open(state, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{5 << 10, 12 << 10, 60 << 10} {
		header := http.Header{"X-Minisign-Signature": {base64.StdEncoding.EncodeToString(make([]byte, size))}}
		err := g.do(t.Context(), request{method: http.MethodPut, path: "/api/v1/bundle", header: header,
			body: strings.NewReader("x"), size: 1}, &struct{}{})
		var coded *exitError
		if !errors.As(err, &coded) || coded.code != exitTrust ||
			!strings.Contains(err.Error(), "more than 4 KiB, so it is none by minisign") {
			t.Errorf("%d bytes: got %v, want exit code 6 and why", size, err)
		}
	}
}
