package webui

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"gatehouse/authcore/onboard"
)

// An OnboardOrder says for whom files are to be made, and for which devices.
type OnboardOrder struct {
	SSID        string   `json:"ssid"`
	For         []string `json:"for,omitempty"`         // ios, windows, android, chromeos, linux; none: all
	Server      string   `json:"server,omitempty"`      // folder below server/; "": every one of them
	Identity    string   `json:"identity,omitempty"`    // of the person, for EAP
	CA          string   `json:"ca,omitempty"`          // root of the server's certificate in PEM, if it is not at hand
	PKCS12      []byte   `json:"pkcs12,omitempty"`      // sealed; it is not opened and kept nowhere
	Certificate string   `json:"certificate,omitempty"` // that is in it, in PEM: ChromeOS finds it by its issuer
	Machine     bool     `json:"machine,omitempty"`     // Windows: for the machine instead of the user
}

// An Onboarding is what was made.
type Onboarding struct {
	ServerNames []string       `json:"server_names"` // that devices accept
	RootSHA256  []string       `json:"root_sha256"`  // of the CAs that they trust, in lower hexadecimal
	Files       []onboard.File `json:"files"`
}

// maxOnboard bounds an order, in bytes.
const maxOnboard = 256 << 10

func (a *api) onboard(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxOnboard)
	var o OnboardOrder
	if err := readJSON(w, r, &o); err != nil {
		fail(w, fmt.Errorf("%w: reading the order: %w", ErrInvalid, err))
		return
	}
	done, err := a.Onboard(o)
	answer(w)(done, err)
}

// Devices are the kinds of device that o asks for, every one if it names none.
func (o *OnboardOrder) Devices() ([]onboard.Device, error) {
	var list []onboard.Device
	for _, name := range o.For {
		if name == "all" {
			return onboard.Devices(), nil
		}
		d, ok := onboard.ParseDevice(name)
		if !ok {
			return nil, fmt.Errorf("%w: no device is called %q; known are ios, windows, android, chromeos, linux and all", ErrInvalid, name)
		}
		list = append(list, d)
	}
	if len(list) == 0 {
		list = onboard.Devices()
	}
	return list, nil
}

// readKey returns the .p12 of a form, or nil if none was chosen.
func readKey(r *http.Request) ([]byte, error) {
	f, _, err := r.FormFile("p12")
	if errors.Is(err, http.ErrMissingFile) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: reading the .p12: %w", ErrInvalid, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	return io.ReadAll(f)
}
