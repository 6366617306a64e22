package syslog

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

const (
	// batchBytes is about how much is written at once to a stream.
	batchBytes = 16 << 10
	// maxHeard is how much a collector may send.
	maxHeard = 4 << 10
)

// A link is a connection to the collector.
type link struct {
	conn    net.Conn
	packets bool       // a message each, rather than a stream
	gone    chan error // why the collector is gone, once
	done    chan struct{}

	mu      sync.Mutex // guards hurried, and the order of deadlines
	hurried bool
}

// dial makes a link. The caller closes it.
func (s *Sender) dial(ctx context.Context) (*link, error) {
	conn, err := s.cfg.Dial(ctx)
	if err != nil {
		return nil, err
	}
	l := &link{
		conn: conn, packets: s.cfg.Transport == UDP,
		gone: make(chan error, 1), done: make(chan struct{}),
	}
	go l.listen()
	return l, nil
}

// listen waits for the collector to go. A collector says nothing; but only who reads learns that a
// connection has ended, or that a UDP port is closed, before the messages after that are lost.
func (l *link) listen() {
	defer close(l.done)
	_, err := io.CopyN(io.Discard, l.conn, maxHeard)
	switch {
	case err == nil:
		err = errTalks
	case errors.Is(err, io.EOF):
		err = errEnded
	}
	l.gone <- err
}

// batch returns how many bytes of messages to send at once.
func (l *link) batch() int {
	if l.packets {
		return 0 // one message
	}
	return batchBytes
}

// hurry gives what is sent from now on two seconds in all.
func (l *link) hurry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hurried = true
	_ = l.conn.SetWriteDeadline(time.Now().Add(endTimeout)) // it is gone: so says the next write
}

// allow gives the next write its time.
func (l *link) allow() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hurried {
		return nil
	}
	return l.conn.SetWriteDeadline(time.Now().Add(sendTimeout))
}

// send sends texts, framed as the transport wants it.
func (l *link) send(texts [][]byte) error {
	select {
	case err := <-l.gone:
		return err
	default:
	}
	if err := l.allow(); err != nil {
		return err
	}
	if l.packets {
		for _, text := range texts {
			if _, err := l.conn.Write(text); err != nil {
				return err
			}
		}
		return nil
	}
	var stream []byte
	for _, text := range texts {
		stream = strconv.AppendInt(stream, int64(len(text)), 10) // RFC 6587 §3.4.1, RFC 5425 §4.3
		stream = append(append(stream, ' '), text...)
	}
	_, err := l.conn.Write(stream)
	return err
}

// close ends the connection.
func (l *link) close() {
	_ = l.conn.Close() // there is nobody to tell
	<-l.done
}
