package revocation

// Revocation lets tests measure an entry of a List.
type Revocation = revocation
