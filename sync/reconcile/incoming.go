package reconcile

import (
	"slices"

	"gatehouse/sync/versions"
)

// passOver says once what lies in incoming/ and is no file, so that nobody waits for it in vain.
func (s *signed) passOver() {
	strays, err := s.Dir.Strays()
	if err != nil {
		s.complain(err)
		return
	}
	for _, text := range strays {
		if !slices.Contains(s.strays, text) {
			s.r.cfg.Logger.Warn("not taken from incoming: it is no file; copy the archive and its signature there",
				"file", text)
		}
	}
	s.strays = strays
	s.r.editBundles(func(b *BundleState) { b.Strays = strays })
}

// clear removes the archives without a signature that were dealt with before: the signature goes
// first, and the disk may fail, or the process end, before the archive does.
func (s *signed) clear() {
	if !s.half {
		return
	}
	s.half = false
	list, err := s.Dir.Arrivals()
	if err != nil {
		return // arrivals complains
	}
	for _, a := range list {
		if !a.Signed && s.isDealtWith(a) {
			s.r.cfg.Logger.Info("removing from incoming what was dealt with before", "file", a.Name)
			s.finish(a)
		}
	}
}

// isDealtWith reports whether an archive was put in force here, or was pushed and refused: what is
// refused otherwise stays where it was put.
func (s *signed) isDealtWith(a versions.Arrival) bool {
	v, err := s.Dir.OpenUnsigned(a)
	if err != nil {
		return false
	}
	defer v.Archive.Close() // opened for reading: closing loses nothing
	hash := hashOf(v)
	var refused Refusal
	if s.how(a) == Pushed && s.recall(refusedKey, &refused) && refused.SHA256 == hash {
		return hash != ""
	}
	return hash != "" && slices.ContainsFunc(s.history(), func(v KeptVersion) bool { return v.SHA256 == hash })
}
