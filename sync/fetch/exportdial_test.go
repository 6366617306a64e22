package fetch

import (
	"context"
	"net"
	"net/http"
)

// Dial replaces the network below TLS.
func (f *Fetcher) Dial(dial func(context.Context, string, string) (net.Conn, error)) {
	f.client.(*http.Transport).DialContext = dial
}
