package revocation

// Tick makes Run look at once what is due, as its timer would within a minute.
func (s *Source) Tick() { s.nudge() }
