package appliance

import "gatehouse/authcore/revocation"

// Forget is what `gatehouse ocsp purge` asks for, for tests.
func (a *Appliance) Forget(p revocation.Purge) (int, error) { return a.revocation.Forget(p) }
