//go:build e2e

package main

import (
	"crypto/tls"
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// newBrowser returns one that follows redirects and keeps cookies; with the demo user's certificate,
// if it is to have one.
func (i *idp) newBrowser(certificate bool) *browser {
	i.t.Helper()
	config := &tls.Config{InsecureSkipVerify: true}
	if certificate {
		config.Certificates = []tls.Certificate{*i.device.Certificate}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		i.t.Fatal(err)
	}
	return &browser{t: i.t, client: &http.Client{Jar: jar, Timeout: 20 * time.Second,
		Transport: &http.Transport{TLSClientConfig: config}}}
}

// A browser is a person's, without scripts: forms that would send themselves are sent by hand.
type browser struct {
	t      testing.TB
	client *http.Client
	answer []byte // the last SAMLResponse, decoded
}

// A page is what a browser ends up on.
type page struct {
	status int
	url    string
	header http.Header
	body   string
}

// open follows redirects, and forms with a SAMLResponse, until there is a page.
func (b *browser) open(address string) page {
	b.t.Helper()
	response, err := b.client.Get(address)
	for range 5 {
		p := b.read(response, err)
		form, ok := formOf(p.body)
		if !ok {
			return p
		}
		if text := form.values.Get("SAMLResponse"); text != "" {
			if b.answer, err = base64.StdEncoding.DecodeString(text); err != nil {
				b.t.Fatal(err)
			}
		}
		response, err = b.client.PostForm(form.action, form.values)
	}
	b.t.Fatalf("%s: no end of forms", address)
	return page{}
}

func (b *browser) read(response *http.Response, err error) page {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		b.t.Fatal(err)
	}
	return page{response.StatusCode, response.Request.URL.String(), response.Header, string(body)}
}

type form struct {
	action string
	values url.Values
}

var (
	formPattern  = regexp.MustCompile(`(?is)<form[^>]*\saction="([^"]*)"[^>]*>(.*?)</form>`)
	inputPattern = regexp.MustCompile(`(?is)<input[^>]*>`)
	namePattern  = regexp.MustCompile(`(?is)\sname="([^"]*)"`)
	valuePattern = regexp.MustCompile(`(?is)\svalue="([^"]*)"`)
)

// formOf returns the form of a page that carries a SAML message on.
func formOf(body string) (form, bool) {
	m := formPattern.FindStringSubmatch(body)
	if m == nil || !strings.Contains(m[2], "SAMLResponse") && !strings.Contains(m[2], "SAMLRequest") {
		return form{}, false
	}
	f := form{action: html.UnescapeString(m[1]), values: url.Values{}}
	for _, input := range inputPattern.FindAllString(m[2], -1) {
		name, value := namePattern.FindStringSubmatch(input), valuePattern.FindStringSubmatch(input)
		if name != nil && value != nil {
			f.values.Set(name[1], html.UnescapeString(value[1]))
		}
	}
	return f, true
}
