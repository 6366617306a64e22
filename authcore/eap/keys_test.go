package eap_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gatehouse/authcore/eap"
)

// Keys never show themselves, neither by value nor by pointer nor inside of something.
func TestKeysAreRedacted(t *testing.T) {
	t.Parallel()
	keys := eap.Keys{SessionID: []byte("session")}
	copy(keys.MSK[:], "master session key")
	encoded, err := json.Marshal(&keys)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		fmt.Sprint(keys), fmt.Sprint(&keys), fmt.Sprintf("%+v", keys), fmt.Sprintf("%#v", keys),
		fmt.Sprintf("%v", struct{ K eap.Keys }{keys}), string(encoded),
	} {
		if strings.Contains(text, "109") || strings.Contains(text, "master") || !strings.Contains(text, "redacted") {
			t.Errorf("got %s", text)
		}
	}
}
