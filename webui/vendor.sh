#!/bin/sh
# Fetches what the pages are built from and others wrote, by npm, and checks it against
# static/SHA256SUMS. The normal build does not need it.
set -eu
cd "$(dirname "$0")/static"
into=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent @picocss/pico@2.1.1 >/dev/null
tar -xzf picocss-pico-2.1.1.tgz
cp package/css/pico.classless.min.css .
cp package/LICENSE.md pico.LICENSE.md
sha256sum -c "$into/SHA256SUMS"
gzip -9n <pico.classless.min.css >"$into/pico.css.gz"
cp pico.LICENSE.md "$into/pico.LICENSE.md"
