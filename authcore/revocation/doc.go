// Package revocation says whether a certificate is still in good standing: by OCSP (RFC 6960,
// RFC 5019, RFC 9654) and by certificate revocation lists (RFC 5280 §5). It holds the contract
// of the cache in which signed answers survive a restart, the verification of those answers
// (an answer counts by its own signature, wherever it was kept), their refresh ahead of time,
// and the policy for the time when there is no answer. It is an HTTP client and never a
// server; it knows no database and opens no file: the cache is an interface that others
// implement. Parsing and verifying are pure functions of their arguments, the time included;
// constructors start no goroutine: those belong to whoever calls Run.
package revocation
