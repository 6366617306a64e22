package revocation_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"gatehouse/authcore/revocation"
)

// fetchTrap listens where nobody is to connect to.
func fetchTrap(t *testing.T, address string) (hostPort string) {
	t.Helper()
	port, count := fetchRaw(t, address, func(c net.Conn, _ <-chan struct{}) {
		_, _ = io.WriteString(c, okHead+"Content-Length: 1\r\n\r\n0")
	})
	t.Cleanup(func() {
		if n := count.Load(); n != 0 {
			t.Errorf("%s was connected to %d times", address, n)
		}
	})
	return net.JoinHostPort(address, fmt.Sprint(port))
}

func wantRefused(t *testing.T, err error, word string) {
	t.Helper()
	var failed *revocation.FetchError
	if !errors.As(err, &failed) || !errors.Is(err, revocation.ErrAddressRefused) ||
		!strings.Contains(err.Error(), word) {
		t.Errorf("got %v, want an address refused as %s", err, word)
	}
}

func TestOC9RefusedAtConnectTime(t *testing.T) {
	t.Parallel()
	loopback := fetchTrap(t, "127.0.0.1")
	_, port, _ := net.SplitHostPort(loopback)
	tests := []struct{ name, host, want string }{
		{"loopback", "127.0.0.1", "loopback"},
		{"loopback_mapped", "[::ffff:127.0.0.1]", "loopback"},
		{"name_of_loopback", "localhost", "loopback"},
		{"unspecified", "0.0.0.0", "unspecified"},
		{"unspecified_six", "[::]", "unspecified"},
		{"link_local", "169.254.169.254", "link-local"},
		{"link_local_six", "[fe80::1%25lo]", "link-local"},
		{"multicast", "224.0.0.1", "multicast"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFetcher(t, revocation.FetchConfig{})
			target := revocation.Target{URL: "http://" + tt.host + ":" + port + "/"}
			_, err := f.OCSP(fetchContext(t), target, awkward)
			wantRefused(t, err, tt.want)
		})
	}
}

func TestOC9RefusedAgainForEachRedirect(t *testing.T) {
	t.Parallel()
	six := "[::1]:1" // without IPv6 the address is refused all the same
	if l, err := net.Listen("tcp", "[::1]:0"); err == nil {
		l.Close()
		six = fetchTrap(t, "::1")
	}
	tests := []struct{ name, to string }{
		{"other_loopback", "http://" + fetchTrap(t, "127.0.0.2") + "/"},
		{"loopback_six", "http://" + six + "/"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			target := fetchServer(t, func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, tt.to, http.StatusTemporaryRedirect)
			})
			_, err := newFetcher(t, revocation.FetchConfig{}).OCSP(fetchContext(t), target, awkward)
			wantRefused(t, err, "loopback")
		})
	}
}

func TestOC8Redirects(t *testing.T) {
	t.Parallel()
	good, _ := fetchResponder(t, []byte("answer"), nil)
	secure, roots := fetchTLS(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost || strings.Count(r.URL.Path, "/") > 1 {
			http.Redirect(w, r, good.URL+"/ocsp/", http.StatusTemporaryRedirect)
			return
		}
		_, _ = io.WriteString(w, "answer")
	})
	long := []byte(strings.Repeat("0", 200)) // goes by POST
	tests := []struct {
		name    string
		to      string
		code    int
		request []byte
		want    string // in the error; "" for the answer
	}{
		{"one", good.URL + "/ocsp/%2b", http.StatusFound, awkward, ""},
		{"one_by_post", good.URL + "/ocsp", http.StatusTemporaryRedirect, long, ""},
		{"to_tls", secure.URL + "/x", http.StatusMovedPermanently, awkward, ""},
		{"loop", "/again", http.StatusFound, awkward, "more than once"},
		{"post_would_become_get", good.URL + "/ocsp", http.StatusFound, long, "without the request"},
		{"scheme", "ftp://127.0.0.1/", http.StatusFound, awkward, "only http and https"},
		{"user", "http://anna:hunter2@127.0.0.1/", http.StatusFound, awkward, "with a user"},
		{"long", "/" + strings.Repeat("o", 2048), http.StatusFound, awkward, "longer than 2 KiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			target := fetchServer(t, func(w http.ResponseWriter, _ *http.Request) {
				requests.Add(1)
				w.Header().Set("Location", tt.to)
				w.WriteHeader(tt.code)
			})
			f := newFetcher(t, revocation.FetchConfig{Roots: roots})
			got, err := f.OCSP(fetchContext(t), target, tt.request)
			switch {
			case tt.want == "":
				if err != nil || string(got) != "answer" {
					t.Errorf("OCSP() = %q, %v", got, err)
				}
			case err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2"):
				t.Errorf("OCSP() = %q, %v, want an error with %q", got, err, tt.want)
			}
			if n := requests.Load(); n > 2 {
				t.Errorf("%d requests for one redirect", n)
			}
		})
	}
	t.Run("from_tls", func(t *testing.T) {
		t.Parallel()
		secure := secure
		secure.URL += "/deep/"
		_, err := newFetcher(t, revocation.FetchConfig{Roots: roots}).OCSP(fetchContext(t), secure, awkward)
		if err == nil || !strings.Contains(err.Error(), "from https to http") {
			t.Errorf("got %v, want it refused", err)
		}
	})
}

// TestOC9ConnectionsStayWithTheirRules: one made under a CA that allows an address is not used
// for another that does not.
func TestOC9ConnectionsStayWithTheirRules(t *testing.T) {
	t.Parallel()
	target, log := fetchResponder(t, []byte("answer"), nil)
	target.URL += "/ocsp"
	f := newFetcher(t, revocation.FetchConfig{})
	if _, err := f.OCSP(fetchContext(t), target, awkward); err != nil {
		t.Fatal(err)
	}
	_, err := f.OCSP(fetchContext(t), revocation.Target{URL: target.URL}, awkward)
	wantRefused(t, err, "loopback")
	if n := len(log()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestOC9BehindAProxy(t *testing.T) {
	t.Parallel()
	var through []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		through = append(through, r.Method+" "+r.URL.Scheme+"://"+r.Host)
		_, _ = io.WriteString(w, "answer")
	}))
	defer proxy.Close()
	f := newFetcher(t, revocation.FetchConfig{Proxy: func(*http.Request) (*url.URL, error) {
		return url.Parse(proxy.URL) // loopback, and needs no leave
	}})
	got, err := f.OCSP(fetchContext(t), revocation.Target{URL: "http://ocsp.acme.invalid/"}, awkward)
	if err != nil || string(got) != "answer" {
		t.Errorf("OCSP() = %q, %v", got, err)
	}
	for _, host := range []string{"127.0.0.1", "[::1]", "localhost", "LOCALHOST.", "x.localhost", "169.254.169.254"} {
		_, err := f.OCSP(fetchContext(t), revocation.Target{URL: "http://" + host + "/"}, awkward)
		wantRefused(t, err, "asking the proxy for")
	}
	if len(through) != 1 || through[0] != "GET http://ocsp.acme.invalid" {
		t.Errorf("the proxy got %q, want the one request", through)
	}
}

func TestOC9ProxyTrouble(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	tests := []struct {
		name  string
		proxy func(*http.Request) (*url.URL, error)
		want  string
	}{
		{"malformed", func(*http.Request) (*url.URL, error) {
			return nil, errors.New(`invalid proxy address "anna:hunter2@proxy"`)
		}, "the proxy setting is malformed"},
		{"dead", func(*http.Request) (*url.URL, error) {
			return &url.URL{Scheme: "http", Host: closed, User: url.UserPassword("anna", "hunter2")}, nil
		}, "connecting to the proxy " + closed + ": connection refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFetcher(t, revocation.FetchConfig{Proxy: tt.proxy})
			_, err := f.OCSP(fetchContext(t), revocation.Target{URL: "http://ocsp.acme.invalid/"}, awkward)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			for ; err != nil; err = errors.Unwrap(err) {
				if strings.Contains(err.Error(), "hunter2") {
					t.Errorf("the error tells a password: %v", err)
				}
			}
		})
	}
}
