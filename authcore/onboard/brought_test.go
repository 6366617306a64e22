package onboard_test

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/authcore/onboard"
)

// TestWithoutKeys takes private keys of every spelling out of what people paste, and nothing else.
func TestWithoutKeys(t *testing.T) {
	t.Parallel()
	const certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
	key := func(kind string) string {
		return "-----BEGIN " + kind + "PRIVATE KEY-----\nSECRET\n-----END " + kind + "PRIVATE KEY-----\n"
	}
	for name, tt := range map[string]struct{ text, want string }{
		"nothing":         {"", ""},
		"certificate":     {certificate, certificate},
		"key_behind":      {certificate + key(""), certificate + "\n"},
		"key_before":      {key("EC ") + certificate, "\n" + certificate},
		"key_between":     {certificate + key("RSA ") + certificate, certificate + "\n" + certificate},
		"two_keys":        {key("ENCRYPTED ") + key("") + certificate, "\n\n" + certificate},
		"with_text":       {"Bag Attributes\n" + key("") + "subject=x\n" + certificate, "Bag Attributes\n\nsubject=x\n" + certificate},
		"carriage":        {strings.ReplaceAll(key("")+certificate, "\n", "\r\n"), "\r\n" + strings.ReplaceAll(certificate, "\n", "\r\n")},
		"no_end":          {certificate + "-----BEGIN PRIVATE KEY-----\nSECRET", certificate},
		"ends_as_another": {certificate + "-----BEGIN PRIVATE KEY-----\nSECRET\n-----END CERTIFICATE-----\nSECRET", certificate},
		"public_key":      {"-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n", "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n"},
		"one_line":        {"-----BEGIN PRIVATE KEY-----SECRET-----END PRIVATE KEY-----" + certificate, certificate},
		"old_mac":         {strings.ReplaceAll(key("")+certificate, "\n", "\r"), "\r" + strings.ReplaceAll(certificate, "\n", "\r")},
		"beginnings":      {strings.Repeat("-----BEGIN ", 20_000) + certificate, strings.Repeat("-----BEGIN ", 20_000) + certificate},
		"der":             {"\x30\x82binary", "\x30\x82binary"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := onboard.WithoutKeys([]byte(tt.text))
			if string(got) != tt.want || err != nil {
				t.Errorf("got %q, error %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestWithoutKeysNothingIsLeft(t *testing.T) {
	t.Parallel()
	_, err := onboard.WithoutKeys([]byte("-----BEGIN EC PRIVATE KEY-----\nSECRET\n-----END EC PRIVATE KEY-----\n"))
	if !errors.Is(err, onboard.ErrInvalid) || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("got %v, want ErrInvalid", err)
	}
}
