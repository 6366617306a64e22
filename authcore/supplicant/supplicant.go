// Package supplicant is a RADIUS client with an EAP-TLS peer: it does what an access point and
// a person's device do together, judges the server that answers, and tells what it saw as a
// ladder. `gatehouse probe`, the self-test, load and tests use it.
//
// It implements the client's side of RFC 2865 and RFC 3579, the peer's side of RFC 3748,
// RFC 5216 and RFC 9190, and the keys of RFC 2548, by a path of its own: it shares no RADIUS,
// EAP, fragment or key code with the server that it judges, and never will; the RADIUS codec
// is layeh.com/radius, TLS is crypto/tls. It is trusted to find fault: what a lenient peer
// would let pass ends up in Report.Violations, named by the rule that is broken.
//
// Run does everything once, Load many times and several at a time. Conversation goes round by
// round and can be left half-open; Conn sends and receives single requests, also damaged,
// repeated or reissued ones; Peer is EAP alone. No part but Load.Run starts a goroutine, and
// it waits for its own: the TLS client is a coroutine of its caller.
package supplicant
