package main

import (
	"bytes"
	"os"
	"strings"

	"gatehouse/sync/bundle"
)

// Signature, key or hash: exit code 6.
var untrustedBundles = []refusedBundle{
	{name: "wrong-key", exit: 6, code: bundle.UnknownKey, words: []string{"not trusted here"},
		make: func(g *bundleGateway, f *forge) ([]byte, []byte) {
			thief, err := bundle.GenerateKey()
			if err != nil {
				g.t.Fatal(err)
			}
			archive := f.archive(g.t)
			return archive, sign(g.t, thief, archive)
		}},
	altered("gzip-header", func(a, _ []byte) { a[4] ^= 1 }),
	altered("manifest", func(a, _ []byte) { a[60] ^= 1 }),
	altered("middle", func(a, _ []byte) { a[len(a)/2] ^= 0x80 }),
	altered("last-file", func(a, _ []byte) { a[len(a)-40] ^= 4 }),
	altered("checksum", func(a, _ []byte) { a[len(a)-8] ^= 1 }),
	altered("end", func(a, _ []byte) { a[len(a)-1] ^= 1 }),
	altered("signature", func(_, s []byte) { flipBase64(line(s, 1), 40) }),
	altered("comment", func(_, s []byte) { line(s, 2)[len("trusted comment: bundle=b")] ^= 1 }),
	altered("global-signature", func(_, s []byte) { flipBase64(line(s, 3), 40) }),
	{name: "signature-of-another-key", exit: 6, code: bundle.UnknownKey, words: []string{"not trusted here"},
		make: alter(func(_, s []byte) { flipBase64(line(s, 1), 6) })},
	{name: "signature-legacy", exit: 6, code: bundle.SignatureLegacy, words: []string{"minisign's old kind"},
		make: alter(func(_, s []byte) { line(s, 1)[1] = 'W' })}, // ED becomes Ed
	{name: "signature-no-line", exit: 6, code: bundle.SignatureMalformed, words: []string{"no minisign signature"},
		make: alter(func(_, s []byte) { s[bytes.IndexByte(s, '\n')] = ' ' })},
	{name: "signature-empty", exit: 6, code: bundle.SignatureMalformed, words: []string{"no minisign signature"},
		make: func(g *bundleGateway, f *forge) ([]byte, []byte) { return f.archive(g.t), nil }},
	{name: "signature-large", exit: 6, code: bundle.SignatureMalformed, words: []string{"none by minisign"},
		make: func(g *bundleGateway, f *forge) ([]byte, []byte) {
			archive := f.archive(g.t)
			return archive, append(sign(g.t, g.key, archive), make([]byte, 5<<10)...)
		}},
	{name: "signature-of-another-archive", exit: 6, code: bundle.SignatureWrong, words: []string{"altered"},
		make: func(g *bundleGateway, f *forge) ([]byte, []byte) {
			return f.archive(g.t), sign(g.t, g.key, []byte("another"))
		}},
	{name: "archive-cut-off", exit: 6, code: bundle.SignatureWrong, words: []string{"altered"},
		make: func(g *bundleGateway, f *forge) ([]byte, []byte) {
			archive := f.archive(g.t)
			return archive[:len(archive)-1], sign(g.t, g.key, archive)
		}},
	{name: "archive-with-more", exit: 6, code: bundle.SignatureWrong, words: []string{"altered"},
		make: func(g *bundleGateway, f *forge) ([]byte, []byte) {
			archive := f.archive(g.t)
			return append(bytes.Clone(archive), 0), sign(g.t, g.key, archive)
		}},
	{name: "archive-empty", exit: 6, code: bundle.SignatureWrong, words: []string{"altered"},
		make: func(g *bundleGateway, f *forge) ([]byte, []byte) { return nil, sign(g.t, g.key, f.archive(g.t)) }},
	{name: "hash-wrong", exit: 6, code: bundle.HashWrong, words: []string{"ca/demo.pem", "manifest"},
		make: forged(func(f *forge) { f.manifest = func(m *bundle.Manifest) { m.Files[0].SHA256 = strings.Repeat("0", 64) } })},
	{name: "size-wrong", exit: 6, code: bundle.HashWrong, words: []string{"ca/demo.pem", "bytes"},
		make: forged(func(f *forge) { f.manifest = func(m *bundle.Manifest) { m.Files[0].Size++ } })},
	{name: "hash-wrong-of-a-large-one", exit: 6, code: bundle.HashWrong, words: []string{"users/zz.csv"},
		make: forged(func(f *forge) {
			f.files["users/zz.csv"] = "username\n" + noise(6<<20) // too large to be unpacked in memory
			f.manifest = func(m *bundle.Manifest) { m.Files[len(m.Files)-1].SHA256 = strings.Repeat("0", 64) }
		})},
}

// altered is a bundle of which something was changed after it was signed.
func altered(where string, change func(archive, signature []byte)) refusedBundle {
	return refusedBundle{name: "altered-" + where, exit: 6, code: bundle.SignatureWrong,
		words: []string{"altered", "fleet"}, make: alter(change)}
}

func alter(change func(archive, signature []byte)) func(*bundleGateway, *forge) ([]byte, []byte) {
	return func(g *bundleGateway, f *forge) ([]byte, []byte) {
		archive := f.archive(g.t)
		signature := sign(g.t, g.key, archive)
		change(archive, signature)
		return archive, signature
	}
}

// line returns a line of a text, to be changed.
func line(text []byte, n int) []byte { return bytes.Split(text, []byte("\n"))[n] }

// flipBase64 puts another digit into the place of the nth.
func flipBase64(text []byte, n int) {
	if text[n] == 'A' {
		text[n] = 'B'
		return
	}
	text[n] = 'A'
}

// noise is text of n bytes that does not compress well, in lines.
func noise(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[x>>26]
		if i%60 == 59 {
			b[i] = '\n'
		}
	}
	return string(b)
}

// Well made and trusted, and not for this gateway, or not now: exit code 7.
var elsewhereBundles = []refusedBundle{
	manifested("serial-old", bundle.SerialOld, 7, func(m *bundle.Manifest) { m.Serial = 99 }, "99", "older than 100", "fleet").onlyHere(),
	manifested("serial-reused", bundle.SerialReused, 7, func(m *bundle.Manifest) { m.Serial, m.Changelog = 100, "other" },
		"ALARM", "serial 100", "other content").onlyHere(),
	manifested("other-id", bundle.SelectorOther, 7, func(m *bundle.Manifest) { m.Selector.IDs = []string{"oslo-10", "oslo-2"} },
		"other gateways", "oslo-1"),
	manifested("other-label", bundle.SelectorOther, 7,
		func(m *bundle.Manifest) { m.Selector.Labels = map[string]string{"region": "emea", "site": "airport"} }, "other gateways"),
	manifested("one-label-more", bundle.SelectorOther, 7, func(m *bundle.Manifest) {
		m.Selector.Labels = map[string]string{"region": "emea", "site": "harbour", "floor": "1"}
	}, "other gateways"),
	manifested("version-too-old", bundle.VersionTooOld, 7, func(m *bundle.Manifest) { m.MinVersion = "1.5.0" }, "1.5.0", gatewayVersion),
	{name: "no-recipient", exit: 7, code: bundle.NoRecipient, words: []string{"none of the 1 files of secrets", "age1"},
		make: forged(func(f *forge) { f.files["secrets/other.age"] = sealedFor(bundle.NewIdentity()) })},
}

// manifested is a bundle whose manifest was changed before it was signed.
func manifested(name string, code bundle.Code, exit int, change func(*bundle.Manifest), words ...string) refusedBundle {
	return refusedBundle{name: name, exit: exit, code: code, words: words,
		make: forged(func(f *forge) { f.manifest = change })}
}

// onlyHere says that only a gateway can know.
func (r refusedBundle) onlyHere() refusedBundle {
	r.here = true
	return r
}

// sealedFor is a file of secrets for whoever has the identity.
func sealedFor(id *bundle.Identity, err error) string {
	if err != nil {
		return err.Error()
	}
	s, err := bundle.Seal(os.DirFS("../../testdata/configdirs/good/minimal"),
		bundle.SealOptions{Recipients: map[string][]string{"other": {id.Recipient()}}})
	if err != nil {
		return err.Error()
	}
	return string(s.Secrets["secrets/other.age"])
}
