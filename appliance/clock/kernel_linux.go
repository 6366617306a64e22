package clock

import "golang.org/x/sys/unix"

// kernel asks whether a time server has synchronised the kernel's clock, which needs no
// privilege but may be forbidden: systemd's ProtectClock= does so, and then it is not known.
func kernel() (synchronised, ok bool) {
	var t unix.Timex // Modes 0: only ask
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return false, false
	}
	return state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0, true
}
