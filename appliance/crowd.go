package appliance

import (
	"net"
	"sync"
	"sync/atomic"
)

// Bounds of the connections at once, for what strangers may open.
const (
	webCrowd     = 64
	metricsCrowd = 16
)

// A crowdedListener accepts at most limit connections at once and closes those beyond it: each
// costs memory that RADIUS needs more.
type crowdedListener struct {
	net.Listener
	limit int64
	open  atomic.Int64
}

// Accept returns the next connection that there is room for.
func (l *crowdedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= l.limit {
			return &crowdedConn{Conn: conn, leave: sync.OnceFunc(func() { l.open.Add(-1) })}, nil
		}
		l.open.Add(-1)
		_ = conn.Close() // a stranger's, who learns by it
	}
}

// A crowdedConn makes room when it is closed.
type crowdedConn struct {
	net.Conn
	leave func()
}

// Close closes the connection.
func (c *crowdedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
