package syslog

// Bounds, for tests.
const (
	MaxWaiting      = maxWaiting
	MaxWaitingBytes = maxWaitingBytes
)

// Waiting returns the text of the i-th message that waits, or nil.
func (s *Sender) Waiting(i int) []byte {
	entries := s.queue.peek(maxWaitingBytes)
	if i >= len(entries) {
		return nil
	}
	return entries[i].text
}
