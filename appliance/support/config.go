package support

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"gatehouse/sync/strictyaml"
)

// maxValue bounds a value that is shown, in bytes.
const maxValue = 200

// plainKeys are the keys of the configuration whose values are shown. Those of the second line are
// addresses, of which the host is shown; the values of all others are not.
var (
	plainKeys = words(`schema id level format interval require_signed trusted_keys auth acct radsec dtls coa_source ui sso
		metrics gops certificate ca radsec_certificate methods tls_min tls_max fragment_size session_lifetime
		reject_delay ca_hints post_quantum order fold_local_part require_client_auth allow_eap_over_lan ocsp
		no_responder intermediates budget nonce max_age grace skew when_unsure after for days from to address
		priority allow_empty ssid nas_identifier method allow_password mfa name message_authenticator allow_pap
		allow_mschap port san groups vlan domains allow_addresses username role scopes entity_id host activated
		acs name_id sign want_signed_requests notify conversations conversations_per_client secret_file
		password_file secret_ref password_ref`)
	hostKeys = words("url webhook proxy responder crl syslog signature_url")
	// shownKeys have values that are not shown themselves.
	shownKeys = words(`node labels listen fleet pull heartbeat log limits eap identity revocation clock password lockout notices smtp
		match authentication clients users reply attributes coa secret tls sha256 scope accounts tokens
		totp_separator key syslog_ca file nt_hash totp`)
)

func words(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

// redactor shows a file. In a broken one a secret may stand where something else belongs.
func redactor(broken bool) strictyaml.Redactor {
	return strictyaml.Redactor{
		Key: func(key string) string {
			if plainKeys[key] || hostKeys[key] || shownKeys[key] {
				return key
			}
			return "[unknown key]"
		},
		Value: func(key, value string) string {
			switch {
			case broken, len(value) > maxValue, strings.ContainsAny(value, "\r\n"), strings.Contains(value, "-----"):
				return Redacted
			case hostKeys[key]:
				return HostOf(value)
			case plainKeys[key]:
				return fmt.Sprintf("%q", value)
			}
			return Redacted
		},
	}
}

// Configuration returns the files of a configuration directory: YAML as an outline, certificates,
// and of all others, keys and people among them, that they are there. broken are those with errors.
func Configuration(fsys fs.FS, broken map[string]bool) []Part {
	var parts []Part
	var others strings.Builder
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || len(parts) > maxParts {
			fmt.Fprintf(&others, "%s: cannot be read, or too many\n", path.Base(name))
			return fs.SkipDir
		}
		if d.IsDir() {
			if name != "." && strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		}
		switch {
		case path.Ext(name) == ".yaml" && !strings.HasPrefix(name, "users/"):
			parts = append(parts, file(fsys, name, func(data []byte) string { return redacted(data, broken[name]) }))
		case path.Ext(name) == ".pem" && path.Base(name) != "key.pem":
			parts = append(parts, file(fsys, name, certificates))
		default:
			size := int64(-1)
			if info, err := d.Info(); err == nil {
				size = info.Size()
			}
			if others.Len() < MaxPart {
				fmt.Fprintf(&others, "%s: %d bytes, left out\n", name, size)
			}
		}
		return nil
	})
	if err != nil {
		others.WriteString("the directory cannot be read as a whole\n")
	}
	return append(parts, Text("config/left-out.txt", others.String()))
}

// file is a Part made of a file.
func file(fsys fs.FS, name string, show func([]byte) string) Part {
	return Part{"config/" + name, func(w io.Writer) error {
		f, err := fsys.Open(name)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // it was only read
		data, err := io.ReadAll(io.LimitReader(f, MaxPart))
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, show(data))
		return err
	}}
}

func redacted(data []byte, broken bool) string {
	text, ok := redactor(broken).Redact(data)
	switch {
	case !ok:
		return fmt.Sprintf("# %d bytes that are no YAML, left out\n", len(data))
	case broken:
		return "# this file has errors, see check.txt: its values are not shown\n" + text
	}
	return text
}

// certificates shows the certificates of a file, and nothing else that it holds.
func certificates(data []byte) string {
	var b bytes.Buffer
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			b.WriteString("# something else than a certificate, left out\n")
			continue
		}
		fmt.Fprintf(&b, "# %q issued by %q, until %s\n", c.Subject, c.Issuer, c.NotAfter.UTC().Format("2006-01-02 15:04:05Z"))
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // to memory
	}
	if b.Len() == 0 {
		return "# no certificate in it\n"
	}
	return b.String()
}
