// Command firstanswer asks a RADIUS server for EAP until it answers, and prints when that was,
// in seconds since 1970. It asks with an EAP-Response/Identity, since hostapd answers no
// Status-Server; each request leaves half a conversation behind.
//
//	firstanswer HOST:PORT SECRETFILE
package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"fmt"
	"net"
	"os"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

const (
	patience = 20 * time.Second
	interval = 2 * time.Millisecond // between two questions, and so the error of the answer
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: firstanswer HOST:PORT SECRETFILE")
		os.Exit(2)
	}
	at, err := firstAnswer(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "firstanswer:", err)
		os.Exit(1)
	}
	fmt.Printf("%.6f\n", float64(at.UnixMicro())/1e6)
}

func firstAnswer(server, secretFile string) (time.Time, error) {
	secret, err := os.ReadFile(secretFile)
	if err != nil {
		return time.Time{}, err
	}
	conn, err := net.Dial("udp", server)
	if err != nil {
		return time.Time{}, err
	}
	defer func() { _ = conn.Close() }()
	buf := make([]byte, 4096)
	for began := time.Now(); time.Since(began) < patience; {
		ask, err := request(bytes.TrimSpace(secret))
		if err != nil {
			return time.Time{}, err
		}
		_, _ = conn.Write(ask) // refused until the server is there
		_ = conn.SetReadDeadline(time.Now().Add(interval))
		if _, err := conn.Read(buf); err == nil {
			return time.Now(), nil
		}
		time.Sleep(interval / 2) // a refusal comes at once
	}
	return time.Time{}, fmt.Errorf("no answer from %s within %v", server, patience)
}

// request returns an Access-Request with EAP-Response/Identity (RFC 3579 §2.1).
func request(secret []byte) ([]byte, error) {
	const identity = "first"
	p := radius.New(radius.CodeAccessRequest, secret)
	eap := append([]byte{2, 1, 0, 5 + byte(len(identity)), 1}, identity...)
	var zero [md5.Size]byte
	for _, err := range []error{
		rfc2869.MessageAuthenticator_Set(p, zero[:]),
		rfc2865.UserName_SetString(p, identity),
		rfc2865.NASIPAddress_Set(p, net.IPv4(127, 0, 0, 1)),
		rfc2869.EAPMessage_Set(p, eap),
	} {
		if err != nil {
			return nil, err
		}
	}
	plain, err := p.Encode()
	if err != nil {
		return nil, err
	}
	mac := hmac.New(md5.New, secret)
	mac.Write(plain)
	if err := rfc2869.MessageAuthenticator_Set(p, mac.Sum(nil)); err != nil {
		return nil, err
	}
	return p.Encode()
}
