package revocation

import (
	"fmt"
	"strings"

	"gatehouse/authcore/audit"
)

// maxSerialText bounds a serial number as text; RFC 5280 §4.1.2.2 allows 40 digits.
const maxSerialText = 256

// ParseSerial reads a serial number in hexadecimal as programs print it, in either case, with 0x,
// colons, leading zeros and a minus sign or without, and returns it as Key.SerialHex writes it.
func ParseSerial(text string) (string, error) {
	digits, negative := strings.CutPrefix(strings.ToUpper(strings.TrimSpace(text)), "-")
	digits = strings.ReplaceAll(strings.TrimPrefix(digits, "0X"), ":", "")
	if digits == "" || len(digits) > maxSerialText || strings.Trim(digits, "0123456789ABCDEF") != "" {
		return "", fmt.Errorf("%q is no serial number in hexadecimal", audit.Printable(text))
	}
	digits = strings.TrimLeft(digits, "0")
	switch {
	case digits == "":
		return "00", nil
	case len(digits)%2 != 0:
		digits = "0" + digits
	}
	if negative {
		digits = "-" + digits
	}
	return digits, nil
}
