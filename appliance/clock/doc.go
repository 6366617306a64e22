// Package clock is the guarded clock: the only one that decides. Gateways often have no clock
// that survives a power cut, and whoever can move the wall clock can make a stale answer or an
// expired certificate look fresh. So the wall clock is compared with a mark: a time that had
// come at a known reading of the monotonic clock. The mark and what has elapsed since give the
// expected time, before which it cannot be. The mark is read from a file, and is never older
// than the floor, the time at which the program was made.
//
//	wall clock against the expected time        sure    guarded time
//	more than 5 minutes behind                  no      the expected time
//	behind by less                              yes     the expected time, slowed by 1/2000 until
//	                                                    the wall clock has caught up
//	ahead, by up to 3 years                     yes     the wall clock
//	ahead by more                               no      the expected time
//
// The mark follows the wall clock only while that is believed, and only to what has stood:
// 5 minutes an hour at once, as of a crystal; what differs by more must stand without a break
// for an hour of running, and for 24 hours where it is a step of more than an hour while running
// or a gap of more than 30 days at the start, unless the kernel says that a time server has
// synchronised the clock: then an hour is enough. Until then the wall clock may take the
// difference back, and is believed on. So guarded time goes back in two cases only: a forward
// step that had not stood is taken back, or a person says so. What that means:
//
//	1970 at boot               unsure until a time server steps the clock forward, then sure at once;
//	                           meanwhile guarded time goes on from the mark. Fake clocks, which
//	                           start at the last shutdown, are sure and late until then
//	+25 years at boot          unsure until it is taken back; the mark goes on by what elapses
//	+25 years while running    the same
//	+1 year for some hours     sure, and believed; when it is taken back, sure again at once
//	+1 year for a day          sure; afterwards the way back is unsure until a person resets it
//	+2 hours at boot, taken    sure all the time: hardware clocks that hold local time
//	back within the hour
//	−1 hour while running      unsure; guarded time goes on as if nothing had happened
//	±2 seconds, leap seconds   sure; guarded time never goes back, but waits
//	two years on a shelf       sure; the mark follows after a day, or an hour when synchronised
//	four years on a shelf      unsure until a person resets it, or a newer program is installed
//	fresh install              as on a shelf since the program was made
//	unknown build time         with no file either, nothing tells how far ahead is too far: any
//	                           time since 2025 is believed until there is a mark
//	damaged file               the floor is the mark, and the report says so
//
// The file is written every hour of running, at the end, and on Reset; nothing else writes.
// What is written is the expected time, never a wall clock that has not stood. Hints from
// elsewhere (signed OCSP answers, say) are shown to people, and neither stored nor believed.
//
// It starts no goroutine: Run belongs to whoever calls it.
package clock
