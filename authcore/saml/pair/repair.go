package pair

import (
	"bytes"
	"strings"
	"time"
)

// Read makes a Set of an app's files, by their names below saml/APP (CertificateFile and so
// on); those that are absent are absent from the map. What cannot be read counts as missing
// and is found. Whether the halves fit, and the dates, is Status's to say.
func Read(app string, files map[string][]byte) (Set, Findings) {
	s := Set{App: app}
	var found Findings
	for _, f := range []struct {
		slot      *Slot
		cert, key string
	}{
		{&s.Active, CertificateFile, KeyFile},
		{&s.Next, NextCertificateFile, NextKeyFile},
		{&s.Previous, PreviousCertificateFile, PreviousKeyFile},
	} {
		if data, ok := files[f.cert]; ok {
			cert, bad := ParseCertificate(data)
			f.slot.Certificate = cert
			found = append(found, bad.in(f.cert)...)
		}
		if data, ok := files[f.key]; ok {
			key, bad := ParseKey(data)
			f.slot.Key = key
			found = append(found, bad.in(f.key)...)
		}
	}
	if data, ok := files[PreviousSinceFile]; ok {
		since, err := ParseSince(data)
		if err != nil {
			f := newFinding(Unreadable, PartPair)
			found = append(found, Findings{f}.in(PreviousSinceFile)...)
		}
		s.Previous.Since = since
	}
	return s, found
}

// ParseSince reads PreviousSinceFile.
func ParseSince(data []byte) (time.Time, error) {
	if len(data) > maxTextBytes {
		return time.Time{}, Findings{newFinding(Oversized, PartPair)}
	}
	text, ok := strings.CutPrefix(strings.TrimSpace(string(data)), "since:")
	if !ok {
		return time.Time{}, Findings{newFinding(Unreadable, PartPair)}
	}
	since, err := time.Parse(time.RFC3339, strings.Trim(strings.TrimSpace(text), `"'`))
	if err != nil {
		return time.Time{}, Findings{newFinding(Unreadable, PartPair)}
	}
	return since.UTC(), nil
}

// Repair finishes what a change left undone when its steps were cut off, as after a loss of
// power. Whoever reads the files uses the set that it returns, and carries out its steps if
// the directory may be written. Under a bundle, which is in place as a whole, it does nothing.
func (s Set) Repair() (Change, error) {
	if s.Managed {
		return Change{Set: s}, nil
	}
	p := planFor(s.App)
	broken := !fits(s.Active.Certificate, s.Active.Key)
	if broken && s.Next.Key == nil && fits(s.Next.Certificate, s.Active.Key) {
		p.rename(NextCertificateFile, CertificateFile) // see switchOver
		s.Active.Certificate, s.Next.Certificate = s.Next.Certificate, nil
	}
	a, c := s.Active.Certificate, s.Previous.Certificate
	if a != nil && c != nil && bytes.Equal(a.Raw, c.Raw) {
		p.erase(PreviousKeyFile) // the copy was made and the switch never began
		p.erase(PreviousSinceFile)
		p.erase(PreviousCertificateFile)
		s.Previous = Slot{}
	}
	return p.done(s)
}
