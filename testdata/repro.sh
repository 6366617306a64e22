#!/bin/sh
# Builds one target of the last commit twice, in two directories of different length and with two
# build caches, and fails unless the bytes are the same.
set -eu
cd "$(dirname "$0")/.."
target=${1:-amd64}

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
one=$work/a
two=$work/another-directory/with/a-longer-name
for dir in "$one" "$two"; do
	git clone -q . "$dir"
done
(cd "$one" && ./cross-build.sh "$target" >/dev/null)
(cd "$two" && GOCACHE=$work/cache ./cross-build.sh "$target" >/dev/null)
if ! cmp "$one/dist/gatehouse-linux-$target" "$two/dist/gatehouse-linux-$target"; then
	echo "the build of $target is not reproducible" >&2
	exit 1
fi
echo "reproducible: $target, $(cut -d' ' -f1 "$one/dist/SHA256SUMS")"
