package store

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// A mark is a small file beside the database. Its lock keeps a second process away; what stands
// in it tells the next process how this one ended:
//
//	opening N     while opening: the database may be what ended it
//	reopening N   the same, after a process that ended while opening
//	running N     opened, but not for long yet
//	(empty)       closed, or lasting
//
// N counts the processes in a row that ended soon after opening. One that ends while opening may
// have been killed from outside, so the next one tries again; the second in a row proves it.
// Tables are verified first, so that most damage is an error and no end. Reading a damaged table can end
// the process from within badger, in opening or later: without the mark it would do so at every
// start.
type mark struct {
	f     *os.File
	early int    // N
	state string // as found, then as written
}

// maxEarly is how many processes in a row may end soon after opening before the database is
// held responsible.
const maxEarly = 5

const maxMarkBytes = 64

// openMark opens and locks the file. It fails with ErrInUse when another process has it.
func openMark(name string) (*mark, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	m := &mark{f: f}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EINTR {
			break
		}
	}
	if err == syscall.EWOULDBLOCK {
		err = ErrInUse
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	buf := make([]byte, maxMarkBytes)
	n, _ := f.ReadAt(buf, 0) // shorter than buf: io.EOF
	if _, err := fmt.Sscanf(string(buf[:n]), "%s %d", &m.state, &m.early); err != nil {
		m.state, m.early = "", 0
	}
	return m, nil
}

// crashed reports whether the database ended the process that had it last.
func (m *mark) crashed() bool {
	return m.state == "reopening" || m.state == "running" && m.early >= maxEarly
}

func (m *mark) opening() error {
	if m.state == "opening" {
		return m.write("reopening", m.early)
	}
	return m.write("opening", m.early)
}

func (m *mark) running() error { return m.write("running", m.early+1) }

// settled says that the database did not end this process.
func (m *mark) settled() error {
	if m.state == "" {
		return nil
	}
	return m.write("", 0)
}

// write is not synced: it is for the next process, not for the next boot.
func (m *mark) write(state string, early int) error {
	text := ""
	if state != "" {
		text = fmt.Sprintf("%s %d\n", state, early)
	}
	if err := m.f.Truncate(0); err != nil {
		return err
	}
	if _, err := m.f.WriteAt([]byte(text), 0); err != nil {
		return err
	}
	m.state, m.early = state, early
	return nil
}

// close says that all is well, and lets the next process in.
func (m *mark) close() error {
	if m == nil {
		return nil
	}
	return errors.Join(m.settled(), m.f.Close())
}
