#!/bin/sh
# Packs every binary in dist/ with the systemd files, the example configuration and the
# instructions into dist/gatehouse-VERSION-linux-ARCH.tar.gz. The same commit makes the same
# bytes.
set -eu
cd "$(dirname "$0")/.."

ldflags=$(packaging/ldflags.sh)
version=${ldflags#*main.version=}
version=${version%% *}
date=${ldflags##*main.date=}

rm -f dist/*.tar.gz
for binary in dist/gatehouse-linux-*; do
	name=gatehouse-$version-${binary#dist/gatehouse-}
	stage=$(mktemp -d)
	root=$stage/$name
	mkdir -p "$root/systemd"
	install -m 0755 "$binary" "$root/gatehouse"
	cp LICENSE packaging/install.md packaging/alerts.yaml packaging/dashboard.json "$root/"
	cp packaging/systemd/* "$root/systemd/"
	cp -R packaging/example "$root/example"
	chmod -R u=rwX,go=rX "$root"
	tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="$date" \
		-C "$stage" -cf - "$name" | gzip -9n >"dist/$name.tar.gz"
	rm -rf "$stage"
	echo "dist/$name.tar.gz"
done
cd dist && sha256sum gatehouse-* >SHA256SUMS
