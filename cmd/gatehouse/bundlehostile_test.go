package main

import (
	"archive/tar"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/sync/bundle"
	"gatehouse/sync/reconcile"
)

// extra is a bundle with one more entry behind the others, which the manifest does not name.
func extra(name string, code bundle.Code, h tar.Header, words ...string) refusedBundle {
	return refusedBundle{name: name, exit: 3, code: code, words: words, make: forged(func(f *forge) {
		f.entries = func(all []packedEntry) []packedEntry { return append(all, packedEntry{Header: h}) }
	})}
}

// named is a bundle with a file more, in the manifest and in the archive.
func named(name, file string, code bundle.Code, words ...string) refusedBundle {
	return refusedBundle{name: name, exit: 3, code: code, words: words, make: forged(func(f *forge) { f.files[file] = "x\n" })}
}

// Not in the one form that an archive may have: exit code 3.
var malformedBundles = []refusedBundle{
	extra("traversal", bundle.ArchiveBad, tar.Header{Name: "../evil"}, "path", "not allowed"),
	extra("traversal-within", bundle.ArchiveBad, tar.Header{Name: "users/../../../evil.csv"}, "not allowed"),
	extra("dot", bundle.ArchiveBad, tar.Header{Name: "./users/z.csv"}, "not allowed"),
	extra("two-slashes", bundle.ArchiveBad, tar.Header{Name: "users//z.csv"}, "not allowed"),
	extra("backslash", bundle.ArchiveBad, tar.Header{Name: `users\z.csv`}, "not allowed"),
	extra("absolute", bundle.ArchiveBad, tar.Header{Name: "/tmp/evil"}, "not allowed"),
	extra("hidden", bundle.ArchiveBad, tar.Header{Name: "users/.z.csv"}, "not allowed"),
	extra("escape-sequence", bundle.ArchiveBad, tar.Header{Name: "users/\x1b[2J"}, "not allowed"),
	extra("symlink", bundle.ArchiveBad, tar.Header{Name: "users/z.csv", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, "no plain file"),
	extra("hard-link", bundle.ArchiveBad, tar.Header{Name: "users/z.csv", Typeflag: tar.TypeLink, Linkname: "users/demo.yaml"}, "no plain file"),
	extra("character-device", bundle.ArchiveBad, tar.Header{Name: "users/z.csv", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 5}, "no plain file"),
	extra("block-device", bundle.ArchiveBad, tar.Header{Name: "users/z.csv", Typeflag: tar.TypeBlock, Devmajor: 8}, "no plain file"),
	extra("fifo", bundle.ArchiveBad, tar.Header{Name: "users/z.csv", Typeflag: tar.TypeFifo}, "no plain file"),
	extra("directory", bundle.ArchiveBad, tar.Header{Name: "users/z", Typeflag: tar.TypeDir}, "no plain file"),
	extra("other-tar", bundle.ArchiveBad, tar.Header{Name: "users/z.csv", Format: tar.FormatGNU}, "no plain file"),
	extra("extra-file", bundle.FileUnexpected, tar.Header{Name: "users/z.csv"}, "users/z.csv", "not in the manifest"),
	extra("duplicate-entry", bundle.FileUnexpected, tar.Header{Name: "users/demo.yaml"}, "users/demo.yaml", "not in the manifest"),
	extra("case-folded-entry", bundle.FileUnexpected, tar.Header{Name: "users/Demo.yaml"}, "users/Demo.yaml"),
	extra("second-manifest", bundle.FileUnexpected, tar.Header{Name: "manifest.json"}, "manifest.json"),
	{name: "missing-file", exit: 3, code: bundle.FileMissing, words: []string{"ca/demo.pem", "not in the archive"},
		make: forged(func(f *forge) { f.entries = func(all []packedEntry) []packedEntry { return all[1:] } })},
	{name: "out-of-order", exit: 3, code: bundle.FileMissing, words: []string{"ca/demo.pem"},
		make: forged(func(f *forge) {
			f.entries = func(all []packedEntry) []packedEntry { slices.Reverse(all); return all }
		})},
	{name: "zip-bomb", exit: 3, code: bundle.ArchiveTooBig, words: []string{"unpacks to more than is allowed"},
		make: forged(func(f *forge) { f.files["users/z.csv"] = strings.Repeat("\n", 48<<20) })},
	{name: "bomb-behind-the-tar", exit: 3, code: bundle.ArchiveTooBig, words: []string{"unpacks to more"},
		make: forged(func(f *forge) { f.tail = strings.Repeat("\x00", 8<<20) })},
	{name: "behind-the-tar", exit: 3, code: bundle.ArchiveBad, words: []string{"follows"},
		make: forged(func(f *forge) { f.tail = "more" })},
	{name: "behind-the-gzip", exit: 3, code: bundle.ArchiveBad, words: []string{"follows"},
		make: forged(func(f *forge) { f.behind = "more" })},
	{name: "100000-entries", exit: 3, code: bundle.FileUnexpected, words: []string{"not in the manifest"},
		make: forged(func(f *forge) {
			f.entries = func(all []packedEntry) []packedEntry {
				for i := range 100_000 {
					all = append(all, packedEntry{Header: tar.Header{Name: fmt.Sprintf("users/z%06d.csv", i)}})
				}
				return all
			}
		})},
	{name: "too-many-files", exit: 3, code: bundle.ManifestBad, words: []string{"manifest.json", "files"},
		make: forged(func(f *forge) {
			for i := range bundle.MaxEntries {
				f.files[fmt.Sprintf("users/z%06d.csv", i)] = ""
			}
		})},
	{name: "no-gzip", exit: 3, code: bundle.ArchiveBad, words: []string{"not compressed by gzip"},
		make: func(g *bundleGateway, _ *forge) ([]byte, []byte) {
			archive := []byte("no archive at all")
			return archive, sign(g.t, g.key, archive)
		}},
	{name: "no-tar", exit: 3, code: bundle.ArchiveBad, words: []string{"damaged"},
		make: func(g *bundleGateway, _ *forge) ([]byte, []byte) {
			archive := gzipped(g.t, []byte(noise(2000)))
			return archive, sign(g.t, g.key, archive)
		}},
	{name: "empty-tar", exit: 3, code: bundle.ManifestBad, words: []string{"empty"},
		make: func(g *bundleGateway, _ *forge) ([]byte, []byte) {
			archive := gzipped(g.t, make([]byte, 1024))
			return archive, sign(g.t, g.key, archive)
		}},
	{name: "no-trusted-key", exit: 3, code: bundle.ArchiveBad, words: []string{"fleet/trusted_keys/next.pub"},
		make: forged(func(f *forge) { f.files["fleet/trusted_keys/next.pub"] = "no key\n" })},
	{name: "no-secrets", exit: 3, code: bundle.SecretsBad, words: []string{"secrets/oslo-1.age", "cannot be decrypted"},
		make: forged(func(f *forge) { f.files["secrets/oslo-1.age"] = "no secrets\n" })},
	{name: "archive-too-large", exit: 3, code: bundle.ArchiveTooBig, words: []string{"more than"},
		make: func(g *bundleGateway, f *forge) ([]byte, []byte) {
			return make([]byte, bundle.MaxPackedBytes+1), sign(g.t, g.key, f.archive(g.t))
		}},
}

// What a manifest may not say: exit code 3.
var manifestBundles = []refusedBundle{
	manifested("format-2", bundle.ManifestBad, 3, func(m *bundle.Manifest) { m.Format = 2 }, "format 2"),
	manifested("serial-0", bundle.ManifestBad, 3, func(m *bundle.Manifest) { m.Serial = 0 }, "serial"),
	manifested("wrong-kind", bundle.ManifestBad, 3, func(m *bundle.Manifest) { m.Files[0].Kind = bundle.KindUsers }, "ca/demo.pem", "kind"),
	manifested("size-negative", bundle.ManifestBad, 3, func(m *bundle.Manifest) { m.Files[0].Size = -1 }, "size"),
	manifested("sizes-too-large", bundle.ManifestBad, 3,
		func(m *bundle.Manifest) { m.Files[0].Size, m.Files[1].Size = 200<<20, 200<<20 }, "bytes"),
	manifested("listed-twice", bundle.ManifestBad, 3, func(m *bundle.Manifest) { m.Files = slices.Insert(m.Files, 1, m.Files[0]) }, "twice"),
	manifested("escape-sequence-inside", bundle.ManifestBad, 3, func(m *bundle.Manifest) { m.Changelog = "\x1b[2J" }, "changelog"),
	named("kind-unknown", "bin/sh", bundle.ManifestBad, "bin/sh", "kind"),
	named("gatehouse-yaml", "gatehouse.yaml", bundle.ManifestBad, "gatehouse.yaml"),
	named("case-folded", "users/Demo.yaml", bundle.ManifestBad, "twice", "other letters"),
	named("traversal-listed", "users/../z.csv", bundle.ManifestBad, "not allowed"),
	named("absolute-listed", "/etc/z.csv", bundle.ManifestBad, "not allowed"),
	{name: "field-unknown", exit: 3, code: bundle.ManifestBad, words: []string{"manifest.json"},
		make: forged(func(f *forge) {
			f.raw = func(s string) string { return strings.Replace(s, "{", "{\n \"run\": \"sh\",", 1) }
		})},
	{name: "field-twice", exit: 3, code: bundle.ManifestBad, words: []string{"manifest.json"},
		make: forged(func(f *forge) {
			f.raw = func(s string) string { return strings.Replace(s, `"serial": 200`, `"serial": 1, "serial": 200`, 1) }
		})},
	{name: "no-json", exit: 3, code: bundle.ManifestBad, words: []string{"manifest.json"},
		make: forged(func(f *forge) { f.raw = func(string) string { return "hello" } })},
}

// invalid is a bundle in perfect form with a configuration that is none.
func invalid(name string, change func(files map[string]string), words ...string) refusedBundle {
	return refusedBundle{name: name, exit: 1, code: reconcile.CodeInvalid, words: append(words, "taken whole or not at all"),
		make: forged(func(f *forge) { change(f.files) })}
}

// without removes all files below a folder.
func without(folder string) func(map[string]string) {
	return func(files map[string]string) {
		maps.DeleteFunc(files, func(name, _ string) bool { return strings.HasPrefix(name, folder+"/") })
	}
}

// What no gateway can serve: exit code 1.
var invalidBundles = []refusedBundle{
	invalid("pair-mismatch", func(f map[string]string) { f["server/rsa/key.pem"] = f["server/ecdsa/key.pem"] },
		"server/rsa/key.pem:0: the key does not fit"),
	invalid("half-a-pair", func(f map[string]string) { delete(f, "server/rsa/key.pem") }, "server/rsa"),
	invalid("broken-yaml", func(f map[string]string) { f["policy.yaml"] = "eap: [\n" }, "policy.yaml:1: a [ that is never closed"),
	invalid("unknown-key", func(f map[string]string) { f["radius/demo.yaml"] += "clinets: []\n" }, "radius/demo.yaml", "unknown key"),
	invalid("several-errors", func(f map[string]string) {
		f["policy.yaml"] = "eap: {tls_min: \"9\"}\n"
		f["users/more.csv"] = "username\nbob\nbob\n"
		f["ca/second.pem"] = "no certificate\n"
	}, "policy.yaml:1", "users/more.csv:3", "ca/second.pem"),
	invalid("overlapping-clients", func(f map[string]string) { f["radius/twice.yaml"] = f["radius/demo.yaml"] },
		"radius/twice.yaml", "127.0.0.0/8 is the address of client"),
	invalid("last-ca-removed", without("ca"), "no CA is left"),
	invalid("last-user-removed", without("users"), "no user is left"),
	invalid("last-server-removed", without("radius"), "no RADIUS server is left"),
	invalid("last-credential-removed", without("server"), "no server credential is left"),
	invalid("everything-removed", func(f map[string]string) { clear(f) }, "no CA is left", "no user is left", "no RADIUS server is left"),
	invalid("secret-file", func(f map[string]string) {
		f["radius/demo.yaml"] = "authentication: {ca: [demo]}\nclients: [{name: a, address: 10.0.0.1, secret_file: ../../state/identity}]\n"
	}, "radius/demo.yaml:2", "secret_file"),
	invalid("no-such-secret", func(f map[string]string) {
		f["radius/demo.yaml"] = "authentication: {ca: [demo]}\nclients: [{name: a, address: 10.0.0.1, secret_ref: radius/demo/a}]\n"
	}, "no secret of this name"),
}
