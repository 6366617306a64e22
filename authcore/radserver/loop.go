package radserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"gatehouse/authcore/radius"
)

// readLoop handles datagrams until ctx ends. Before it serves a request it takes in what else
// has come: the socket holds little, and in no order but that of coming.
func (s *Server) readLoop(ctx context.Context, p *port) error {
	buf := make([]byte, radius.MaxPacketLength)
	defer s.leave(p)
	for {
		if p.backlog.empty() {
			if err := s.readOne(ctx, p, buf); err != nil {
				return err
			}
		}
		for n := 0; n < maxReadAhead && p.backlog.hasRoom() && p.waiting(); n++ {
			if err := s.readOne(ctx, p, buf); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		switch req, late := p.backlog.take(); {
		case late:
			s.giveUp(req)
		case req != nil:
			s.serve(req)
		}
	}
}

// readOne takes in one datagram, for which it waits. An error means that the socket broke.
func (s *Server) readOne(ctx context.Context, p *port, buf []byte) error {
	n, source, local, err := p.read(buf)
	switch {
	case ctx.Err() != nil:
	case err == nil:
		req := s.receive(p, buf[:n], origin{source, local})
		if req == nil {
			return nil
		}
		if evicted := p.backlog.put(req); evicted != nil {
			s.giveUp(evicted)
		}
	case errors.Is(err, net.ErrClosed):
		return fmt.Errorf("reading from the RADIUS port: %w", err)
	default:
		s.counters.readErrors.Add(1)
		select {
		case <-time.After(readErrorPause):
		case <-ctx.Done():
		}
	}
	return nil
}

// leave forgets what was taken in and will not be served any more.
func (s *Server) leave(p *port) {
	for !p.backlog.empty() {
		req, _ := p.backlog.take()
		p.cache.forget(req)
	}
}
