package radius

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// An UnknownAttributeError says that the configuration names an attribute that Gatehouse does
// not know.
type UnknownAttributeError struct {
	Name    string
	Nearest string // the known name that looks most like it, or empty
}

// Error names the attribute and, where there is one, the nearest known name.
func (e *UnknownAttributeError) Error() string {
	if e.Nearest == "" {
		return fmt.Sprintf("unknown attribute %q", e.Name)
	}
	return fmt.Sprintf("unknown attribute %q, did you mean %q?", e.Name, e.Nearest)
}

// An OwnedAttributeError says that an attribute is not the configuration's to set.
type OwnedAttributeError struct {
	Name string
	Hint string // why, or what to write instead
}

// Error names the attribute and gives the hint.
func (e *OwnedAttributeError) Error() string {
	return fmt.Sprintf("attribute %q cannot be set here: %s", e.Name, e.Hint)
}

// AttributeNames returns the names that EncodeAttribute knows, sorted.
func AttributeNames() []string { return slices.Sorted(maps.Keys(definitions)) }

// EncodeAttribute turns a reply attribute of the configuration into its type and value for
// Response.Add. The name is spelt as in the dictionaries of FreeRADIUS; a vendor's attribute
// comes back as a whole Vendor-Specific value (RFC 2865 §5.26). The value is checked by the
// attribute's kind: text of 1 to 253 bytes (a vendor's: 247), a number in its range or one of
// its names, an IPv4 address, an IPv6 prefix, or bytes as text or as 0x and hex digits.
//
// Errors: *UnknownAttributeError, *OwnedAttributeError, or one about the value. None repeats
// the value when it is text.
func EncodeAttribute(name, value string) (Type, []byte, error) {
	def, ok := definitions[name]
	if !ok {
		if hint, ok := owned[name]; ok {
			return 0, nil, &OwnedAttributeError{Name: name, Hint: hint}
		}
		return 0, nil, &UnknownAttributeError{Name: name, Nearest: nearest(name)}
	}
	raw, err := def.encode(value)
	if err == nil && def.vendor == 0 && len(raw) > maxValueLength {
		err = fmt.Errorf("value of %d bytes: %w", len(raw), ErrTooLong)
	}
	if err == nil && def.vendor != 0 {
		raw, err = vendorValue(def.vendor, def.number, raw)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("attribute %q: %w", name, err)
	}
	if def.vendor != 0 {
		return TypeVendorSpecific, raw, nil
	}
	return Type(def.number), raw, nil
}

func (d definition) encode(value string) ([]byte, error) {
	if value == "" {
		return nil, ErrEmptyValue
	}
	switch d.kind {
	case integer:
		return d.encodeInteger(value)
	case ipv4:
		addr, err := netip.ParseAddr(value)
		if err != nil || !addr.Is4() {
			return nil, fmt.Errorf("%q is no IPv4 address", value)
		}
		return addr.AsSlice(), nil
	case ipv6Pref:
		return encodePrefix(value)
	case octets:
		if digits, ok := strings.CutPrefix(value, "0x"); ok {
			raw, err := hex.DecodeString(digits)
			if err != nil {
				return nil, errors.New("what follows 0x is not an even number of hex digits")
			}
			if len(raw) == 0 {
				return nil, ErrEmptyValue
			}
			return raw, nil
		}
	}
	if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
		return nil, errors.New("text is not UTF-8, or holds a NUL byte")
	}
	return []byte(value), nil
}

func (d definition) encodeInteger(value string) ([]byte, error) {
	n, named := d.names[value]
	if !named {
		parsed, err := strconv.ParseUint(value, 10, 32)
		if err != nil && d.names != nil {
			return nil, fmt.Errorf("%q is neither a number nor one of %s", value,
				strings.Join(slices.Sorted(maps.Keys(d.names)), ", "))
		}
		if err != nil {
			return nil, fmt.Errorf("%q is not a whole number from 0 to 4294967295", value)
		}
		n = uint32(parsed)
	}
	if n < d.min || d.max != 0 && n > d.max {
		return nil, fmt.Errorf("%d is not between %d and %d", n, d.min, d.max)
	}
	return binary.BigEndian.AppendUint32(nil, n), nil
}

// encodePrefix writes an IPv6 prefix: a reserved octet, the length, and the whole address
// (RFC 3162 §2.3; the shorter form is not understood everywhere).
func encodePrefix(value string) ([]byte, error) {
	prefix, err := netip.ParsePrefix(value)
	if err != nil || !prefix.Addr().Is6() || prefix.Addr().Is4In6() {
		return nil, fmt.Errorf("%q is no IPv6 prefix", value)
	}
	if prefix != prefix.Masked() {
		return nil, fmt.Errorf("%q has bits beyond its length, did you mean %v?",
			value, prefix.Masked())
	}
	return append([]byte{0, byte(prefix.Bits())}, prefix.Addr().AsSlice()...), nil
}

// nearest returns the known or owned name that takes the fewest edits to reach from name, or
// "" when none is near.
func nearest(name string) string {
	const maxName = 64 // keeps the work small for nonsense
	if len(name) > maxName {
		return ""
	}
	best, bestDistance := "", len(name)/3+1
	for _, candidate := range append(AttributeNames(), slices.Sorted(maps.Keys(owned))...) {
		d := distance(strings.ToLower(name), strings.ToLower(candidate))
		if d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// distance counts the single-byte edits between a and b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
