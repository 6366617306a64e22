package appliance

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"sync"

	"gatehouse/authcore/onboard"
	"gatehouse/webui"
)

// sealedFiles opens PKCS #12 files of people, one at a time, for each may ask for some work. Its zero
// value is ready.
type sealedFiles struct{ busy sync.Mutex }

// open is webui.Backend.OpenSealed.
func (s *sealedFiles) open(file []byte, password string) ([]byte, error) {
	if !s.busy.TryLock() {
		return nil, fmt.Errorf("%w: another .p12 is being opened: try again in a moment", webui.ErrRefused)
	}
	defer s.busy.Unlock()
	chain, err := onboard.Certificates(file, password)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", webui.ErrInvalid, err)
	}
	var b bytes.Buffer
	for _, c := range chain {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a buffer takes all
	}
	return b.Bytes(), nil
}
