package appliance

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
)

// maxLivez bounds what is read of a listener's answer, in bytes.
const maxLivez = 1 << 20

// A question is what one listener is asked on trial.
type question struct {
	key string // of gatehouse.yaml
	ask func(context.Context) error
}

// questions lists what the listeners are asked. Those that are off are asked nothing.
func (a *Appliance) questions() []question {
	var list []question
	if a.radius != nil {
		list = append(list, question{"listen.auth", a.radius.Ping})
	}
	if a.web != nil {
		list = append(list, question{"listen.ui", func(ctx context.Context) error {
			return a.web.get(ctx, "https", "/livez")
		}})
	}
	if a.metrics != nil {
		list = append(list, question{"listen.metrics", func(ctx context.Context) error {
			return a.metrics.get(ctx, "http", "/metrics")
		}})
	}
	return list
}

// tryListeners asks all listeners at once.
func (a *Appliance) tryListeners(ctx context.Context) []finding {
	ctx, cancel := context.WithTimeout(ctx, trialPatience)
	defer cancel()
	list := a.questions()
	errs := make([]error, len(list))
	var asking sync.WaitGroup
	for i, q := range list {
		asking.Go(func() { errs[i] = q.ask(ctx) })
	}
	asking.Wait()
	var found []finding
	for i, err := range errs {
		if err != nil {
			found = append(found, finding{errListenerSilent,
				fmt.Sprintf("%s does not answer: %v", list[i].key, err)})
		}
	}
	return found
}

// get asks the listener for a page, as somebody on this machine, and demands 200.
func (l *listener) get(ctx context.Context, scheme, path string) (err error) {
	for _, target := range ownTargets(l.Addr()) {
		if err = getFrom(ctx, target, scheme, path); err == nil {
			return nil
		}
	}
	return err
}

// ownTargets returns where a listener on addr is reached from this machine: one address, or for
// one that listens everywhere the loopback ones, of which one may be off.
func ownTargets(addr net.Addr) []string {
	at, err := netip.ParseAddrPort(addr.String())
	if err != nil || !at.Addr().IsUnspecified() {
		return []string{addr.String()}
	}
	port := fmt.Sprint(at.Port())
	v4 := net.JoinHostPort("127.0.0.1", port)
	if at.Addr().Is4() {
		return []string{v4}
	}
	return []string{net.JoinHostPort("::1", port), v4}
}

func getFrom(ctx context.Context, target, scheme, path string) error {
	// Who answers on our own address is not in question, but whether TLS works is.
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DisableKeepAlives: true,
	}
	defer transport.CloseIdleConnections()
	page := url.URL{Scheme: scheme, Host: target, Path: path}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page.String(), nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, maxLivez))
	_ = response.Body.Close() // all that matters has been read
	if err != nil {
		return fmt.Errorf("reading %s: %w", page.String(), err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("reading %s: the answer is %s", page.String(), response.Status)
	}
	return nil
}
