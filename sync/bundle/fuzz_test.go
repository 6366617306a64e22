package bundle_test

import (
	"bytes"
	"strings"
	"testing"

	"filippo.io/age"

	"gatehouse/sync/bundle"
)

// FuzzSignature: of all texts, only the signature that was made is taken for one, but for the
// untrusted comment and for line ends.
func FuzzSignature(f *testing.F) {
	key := newKey(f)
	archive := []byte("an archive, of which nobody gets to see more than the hash")
	good := sign(f, key, archive)
	f.Add(good)
	f.Add(bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")))
	f.Add(bytes.TrimSpace(good))
	f.Add(append(bytes.Clone(good), '\n'))
	f.Add(bytes.Replace(good, []byte("\nRU"), []byte("\nRW"), 1)) // the old kind
	signed := func(text []byte) []byte {
		_, rest, _ := bytes.Cut(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\n"))
		return rest
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := verify(archive, text, trusting(key, nil))
		e := bundle.AsError(err)
		if e == nil {
			t.Fatalf("no refusal: %v", err)
		}
		// Behind the signature this archive is none, which is another class.
		if e.Class != bundle.Untrusted && !bytes.Equal(signed(text), signed(good)) {
			t.Fatalf("%q is taken for a signature: %v", text, err)
		}
	})
}

// FuzzSecrets: whatever a file of secrets holds once it is decrypted, there is no panic, and what
// comes out of it is in no other place than secrets may be, and in none that the archive has.
func FuzzSecrets(f *testing.F) {
	id := newIdentity(f)
	recipient, err := age.ParseX25519Recipient(id.Recipient())
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{
		`{"format": 1, "values": {"radius/a/b": "s"}, "files": {"server/main/key.pem": "k", "admins.yaml": "x"}}`,
		`{"format": 1, "files": {"policy.yaml": "x"}}`, `{"format": 1, "files": {"../x": "x"}}`,
		`{"format": 1, "files": {"users/staff.yaml": "x"}}`, `{"format": 2}`, `{"format": 1} {}`, `[`,
	} {
		f.Add([]byte(text))
	}
	src := minimal(f)
	delete(src, "server/main/key.pem")
	f.Fuzz(func(t *testing.T, text []byte) {
		var sealed bytes.Buffer
		w, err := age.Encrypt(&sealed, recipient)
		if err == nil {
			_, err = w.Write(text)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		built := src.with("secrets/a.age", sealed.String()).build(t, bundle.BuildOptions{AllowPlain: true})
		b, err := bundle.OpenUnverified(bytes.NewReader(built.Archive), int64(len(built.Archive)),
			bundle.VerifyOptions{Identity: id})
		if err != nil {
			if bundle.AsError(err) == nil {
				t.Fatalf("no refusal: %v", err)
			}
			return
		}
		for name, data := range content(t, b.FS()) {
			if was, ok := src[name]; ok && was != data {
				t.Errorf("%s was replaced", name)
			} else if !ok && name != "server/main/key.pem" && name != "admins.yaml" && !isBelow(name, "users", "server", "saml") {
				t.Errorf("%s came through", name)
			}
		}
	})
}

// isBelow reports whether name lies in one of the folders, and nowhere else by a detour.
func isBelow(name string, folders ...string) bool {
	for _, folder := range folders {
		if rest, ok := strings.CutPrefix(name, folder+"/"); ok {
			return !strings.Contains(rest, "..")
		}
	}
	return false
}
