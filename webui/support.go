package webui

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"gatehouse/authcore/audit"
)

// A Support makes a support bundle, a compressed tar archive without secrets. It is bounded in bytes
// and time, and safe for concurrent use.
type Support func(ctx context.Context) ([]byte, error)

// support answers with a support bundle. It is no GET: what is made holds names of people, and must
// not come by a link.
func (a *api) support(w http.ResponseWriter, r *http.Request) {
	data, err := a.Support(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	download(w, "application/gzip", a.supportName(), data)
}

func (a *api) supportName() string {
	node := ""
	for _, c := range audit.Printable(a.Status().Node) {
		if c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			node += string(c)
		}
	}
	return fmt.Sprintf("gatehouse-support-%s-%s.tar.gz", node, time.Now().UTC().Format("20060102-150405"))
}

// supportBundle is the same for a button.
func (p *pages) supportBundle(w http.ResponseWriter, r *http.Request, who person) {
	data, err := p.api.Support(r.Context())
	if err != nil {
		p.fail(w, who, "No support bundle", err)
		return
	}
	download(w, "application/gzip", p.api.supportName(), data)
}
