package bundle_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/sync/bundle"
)

// What a bundle says about itself decides whether it is for this gateway, and for now.
func TestVerifyManifest(t *testing.T) {
	t.Parallel()
	key, old := newKey(t), newKey(t)
	src := minimal(t).seal(t, newIdentity(t))
	at := func(serial uint64, hash byte) func(string) (uint64, [32]byte, bool) {
		return func(id string) (uint64, [32]byte, bool) {
			return serial, [32]byte{hash}, id == key.Trusted("").ID()
		}
	}
	day := 24 * time.Hour
	for name, tc := range map[string]struct {
		build  bundle.BuildOptions
		change func(*bundle.VerifyOptions)
		code   bundle.Code // "": accepted
		warn   string
	}{
		"for_all":          {},
		"by_id":            {build: bundle.BuildOptions{Selector: bundle.Selector{IDs: []string{"a", "oslo-1"}}}},
		"by_label":         {build: bundle.BuildOptions{Selector: bundle.Selector{Labels: map[string]string{"region": "emea"}}}},
		"id_or_label":      {build: bundle.BuildOptions{Selector: bundle.Selector{IDs: []string{"a"}, Labels: map[string]string{"region": "emea"}}}},
		"other_id":         {build: bundle.BuildOptions{Selector: bundle.Selector{IDs: []string{"oslo-2"}}}, code: bundle.SelectorOther},
		"other_label":      {build: bundle.BuildOptions{Selector: bundle.Selector{Labels: map[string]string{"region": "apac"}}}, code: bundle.SelectorOther},
		"one_label_of_two": {build: bundle.BuildOptions{Selector: bundle.Selector{Labels: map[string]string{"region": "emea", "kind": "shop"}}}, code: bundle.SelectorOther},
		"nobody_asks":      {build: bundle.BuildOptions{Selector: bundle.Selector{IDs: []string{"oslo-2"}}}, change: func(o *bundle.VerifyOptions) { o.As = nil }, warn: bundle.WarnSelector},
		"serial_new":       {change: func(o *bundle.VerifyOptions) { o.Serials = at(41, 1) }},
		"serial_old":       {change: func(o *bundle.VerifyOptions) { o.Serials = at(43, 1) }, code: bundle.SerialOld},
		"serial_reused":    {change: func(o *bundle.VerifyOptions) { o.Serials = at(42, 1) }, code: bundle.SerialReused},
		"serial_unknown":   {change: func(o *bundle.VerifyOptions) { o.Serials = nil }, warn: bundle.WarnSerial},
		"serial_of_old_key": {change: func(o *bundle.VerifyOptions) {
			o.Serials = func(id string) (uint64, [32]byte, bool) { return 9_999_999, [32]byte{}, id == old.Trusted("").ID() }
		}},
		"not_yet":            {build: bundle.BuildOptions{NotBefore: now.Add(day)}, code: bundle.NotYet},
		"since_now":          {build: bundle.BuildOptions{NotBefore: now}},
		"expired":            {build: bundle.BuildOptions{Expires: now}, warn: bundle.WarnExpired},
		"not_expired":        {build: bundle.BuildOptions{Expires: now.Add(day)}},
		"clock_unsure":       {build: bundle.BuildOptions{NotBefore: now.Add(day)}, change: func(o *bundle.VerifyOptions) { o.Clock = func() (time.Time, bool) { return now, false } }, warn: bundle.WarnClock},
		"no_clock":           {build: bundle.BuildOptions{Expires: now}, change: func(o *bundle.VerifyOptions) { o.Clock = nil }, warn: bundle.WarnClock},
		"no_clock_no_dates":  {change: func(o *bundle.VerifyOptions) { o.Clock = nil }},
		"version_same":       {build: bundle.BuildOptions{MinVersion: "1.4"}},
		"version_older":      {build: bundle.BuildOptions{MinVersion: "v1.3.9"}},
		"version_newer":      {build: bundle.BuildOptions{MinVersion: "1.10.0"}, code: bundle.VersionTooOld},
		"version_of_a_build": {build: bundle.BuildOptions{MinVersion: "1.10.0"}, change: func(o *bundle.VerifyOptions) { o.Version = "devel" }, warn: bundle.WarnVersion},
		"no_keys":            {change: func(o *bundle.VerifyOptions) { o.Keys = nil }, code: bundle.UnknownKey},
		"other_key":          {change: func(o *bundle.VerifyOptions) { o.Keys = []bundle.TrustedKey{old.Trusted("old.pub")} }, code: bundle.UnknownKey},
		"second_key": {change: func(o *bundle.VerifyOptions) {
			o.Keys = []bundle.TrustedKey{old.Trusted("old.pub"), key.Trusted("new.pub")}
		}},
		"same_key_twice":  {change: func(o *bundle.VerifyOptions) { o.Keys = append(o.Keys, key.Trusted("again.pub")) }, code: bundle.KeyMalformed},
		"not_a_recipient": {change: func(o *bundle.VerifyOptions) { o.Identity = newIdentity(t) }, code: bundle.NoRecipient},
		"no_identity":     {warn: bundle.WarnSecrets},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			built := src.build(t, tc.build)
			opt := trusting(key, nil)
			if tc.change != nil {
				tc.change(&opt)
			}
			b, err := verify(built.Archive, sign(t, key, built.Archive), opt)
			if tc.code != "" {
				class := bundle.Refused
				if tc.code == bundle.UnknownKey || tc.code == bundle.KeyMalformed {
					class = bundle.Untrusted
				}
				refusal(t, b, err, tc.code, class)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := []string{bundle.WarnSecrets}
			if tc.warn != "" && tc.warn != bundle.WarnSecrets {
				want = []string{tc.warn, bundle.WarnSecrets}
			}
			var got []string
			for _, w := range b.Warnings {
				got = append(got, w.Code)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("warnings (-want +got)\n%s", diff)
			}
		})
	}
}

// The same archive again is no replay.
func TestVerifySameSerialSameContent(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	built := minimal(t).seal(t, newIdentity(t)).build(t, bundle.BuildOptions{})
	opt := trusting(key, nil)
	b, err := verify(built.Archive, sign(t, key, built.Archive), opt)
	if err != nil {
		t.Fatal(err)
	}
	opt.Serials = func(string) (uint64, [32]byte, bool) { return 42, b.Archive, true }
	if _, err := verify(built.Archive, sign(t, key, built.Archive), opt); err != nil {
		t.Error(err)
	}
	if want := "000042-"; !strings.HasPrefix(b.Name(), want) || len(b.Name()) != len(want)+8 {
		t.Errorf("got the name %q", b.Name())
	}
}

// A bundle may bring the keys that sign the next one.
func TestVerifyNextKeys(t *testing.T) {
	t.Parallel()
	key, next := newKey(t), newKey(t)
	built := minimal(t).seal(t, newIdentity(t)).with(
		"fleet/trusted_keys/2027.pub", string(next.Trusted("").Text()),
		"fleet/trusted_keys/2026.pub", string(key.Trusted("").Text())).build(t, bundle.BuildOptions{})
	b, err := verify(built.Archive, sign(t, key, built.Archive), trusting(key, nil))
	if err != nil {
		t.Fatal(err)
	}
	if len(b.NextKeys) != 2 || !b.NextKeys[0].Equal(key.Trusted("")) || !b.NextKeys[1].Equal(next.Trusted("")) {
		t.Errorf("got %v", b.NextKeys)
	}
	if _, there := content(t, b.FS())["fleet/trusted_keys/2027.pub"]; there {
		t.Error("the keys are part of the configuration")
	}
	twice := minimal(t).seal(t, newIdentity(t)).with(
		"fleet/trusted_keys/a.pub", string(key.Trusted("").Text()),
		"fleet/trusted_keys/b.pub", string(key.Trusted("").Text())).build(t, bundle.BuildOptions{})
	b, err = verify(twice.Archive, sign(t, key, twice.Archive), trusting(key, nil))
	refusal(t, b, err, bundle.ArchiveBad, bundle.Malformed)
}

// Files of secrets that are not what they should be; nothing of them is shown.
func TestVerifySecrets(t *testing.T) {
	t.Parallel()
	id, key := newIdentity(t), newKey(t)
	src := minimal(t).seal(t, id)
	for name, tc := range map[string]string{
		"not_age":   "hello",
		"cut_short": src["secrets/fleet.age"][:len(src["secrets/fleet.age"])-1],
		"altered":   src["secrets/fleet.age"][:len(src["secrets/fleet.age"])-1] + "x",
	} {
		built := src.with("secrets/fleet.age", tc).build(t, bundle.BuildOptions{})
		b, err := verify(built.Archive, sign(t, key, built.Archive), trusting(key, id))
		refusal(t, b, err, bundle.SecretsBad, bundle.Malformed)
		if strings.Contains(err.Error(), "golden-secret") {
			t.Errorf("%s: a secret is shown: %v", name, err)
		}
	}
	built := src.with("server/main/key.pem", "x").build(t, bundle.BuildOptions{AllowPlain: true})
	b, err := verify(built.Archive, sign(t, key, built.Archive), trusting(key, id))
	refusal(t, b, err, bundle.SecretsBad, bundle.Malformed)
}

// What cannot be written is no verdict about the bundle.
func TestVerifyIntoNowhere(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	built := minimal(t).seal(t, newIdentity(t)).build(t, bundle.BuildOptions{})
	opt := trusting(key, nil)
	opt.Dir = filepath.Join(t.TempDir(), "nowhere")
	_, err := verify(built.Archive, sign(t, key, built.Archive), opt)
	if err == nil || bundle.AsError(err) != nil {
		t.Errorf("got %v, want an error that is no refusal", err)
	}
	opt.Dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(opt.Dir, "policy.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = verify(built.Archive, sign(t, key, built.Archive), opt)
	if err == nil || bundle.AsError(err) != nil {
		t.Errorf("got %v, want an error that is no refusal", err)
	}
}

// A disk that fails is no verdict either, whichever time the archive is read.
func TestVerifyFromBrokenDisk(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	archive := minimal(t).seal(t, newIdentity(t)).build(t, bundle.BuildOptions{}).Archive
	for good := range 2 {
		disk := &brokenDisk{data: archive, good: good}
		b, err := bundle.Verify(disk, int64(len(archive)), sign(t, key, archive), trusting(key, nil))
		if b != nil || !errors.Is(err, errDisk) || bundle.AsError(err) != nil {
			t.Errorf("good %d times: got %v, %v", good, b, err)
		}
	}
}

var errDisk = errors.New("input/output error")

// brokenDisk can be read from its beginning so many times.
type brokenDisk struct {
	data []byte
	good int
}

func (d *brokenDisk) ReadAt(p []byte, off int64) (int, error) {
	if off == 0 {
		d.good--
	}
	if d.good < 0 && off > 0 {
		return 0, errDisk
	}
	if d.good < 0 {
		p = p[:min(len(p), 100)]
	}
	return bytes.NewReader(d.data).ReadAt(p, off)
}

// Everybody who asks for the identity of a state directory at the same time gets the same one.
func TestOpenIdentity(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const n = 8
	ids, fresh := make([]string, n), make([]bool, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			id, made, err := bundle.OpenIdentity(dir)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i], fresh[i] = id.Recipient(), made
		})
	}
	wg.Wait()
	makers := 0
	for i := range n {
		if ids[i] != ids[0] || !strings.HasPrefix(ids[i], "age1") {
			t.Errorf("got %q and %q", ids[0], ids[i])
		}
		if fresh[i] {
			makers++
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || makers != 1 {
		t.Errorf("got %v, %v, made by %d", entries, err, makers)
	}
	if info, err := os.Stat(filepath.Join(dir, bundle.IdentityFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info, err)
	}
	if _, _, err := bundle.OpenIdentity(filepath.Join(dir, "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	for _, text := range []string{"", "# nothing\n", "AGE-SECRET-KEY-1XYZ\n", strings.Repeat(string(newIdentity(t).Text()), 2)} {
		if _, err := bundle.ParseIdentity([]byte(text)); err == nil || strings.Contains(err.Error(), "KEY-1XYZ") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

// Keys and signatures that are not what they claim to be.
func TestKeysRejected(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	public := string(key.Trusted("").Text())
	for _, text := range []string{"", "hello", public[:len(public)-4], strings.Repeat(public, 100), strings.Repeat("A", 56)} {
		if k, err := bundle.ParseTrustedKey("k", []byte(text)); bundle.AsError(err) == nil {
			t.Errorf("%q: got %v, %v", text, k, err)
		}
	}
	for _, text := range []string{public, strings.TrimSpace(public), strings.ReplaceAll(public, "\n", "\r\n"), strings.Split(public, "\n")[1]} {
		if k, err := bundle.ParseTrustedKey("k", []byte(text)); err != nil || !k.Equal(key.Trusted("")) {
			t.Errorf("%q: got %v, %v", text, k, err)
		}
	}
	secret, err := key.Text("")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "hello", public, string(secret[:len(secret)-5]), strings.Repeat(string(secret), 100)} {
		if k, err := bundle.ParseSigningKey([]byte(text), ""); bundle.AsError(err) == nil {
			t.Errorf("got %v, %v", k, err)
		}
	}
	if again, err := bundle.ParseSigningKey(secret, ""); err != nil || !again.Trusted("").Equal(key.Trusted("")) {
		t.Errorf("got %v, %v", again, err)
	}
	sig := sign(t, key, []byte("x"))
	crlf := bytes.ReplaceAll(sig, []byte("\n"), []byte("\r\n"))
	if _, err := verify([]byte("x"), crlf, trusting(key, nil)); bundle.AsError(err).Code != bundle.ArchiveBad {
		t.Errorf("with CRLF: got %v", err) // the signature is right
	}
	if _, err := key.Sign(strings.NewReader("x"), "two\nlines"); err == nil {
		t.Error("a comment of two lines was signed")
	}
}
