#!/bin/sh
# Prints the linker flags of a build: stripped, with version, commit and date from git. Without
# git (a source archive) they say so, and SOURCE_DATE_EPOCH, where it is set, gives the date: the
# same source always makes the same binary.
set -eu
cd "$(dirname "$0")/.."

version=unversioned
commit=unknown
epoch=${SOURCE_DATE_EPOCH:-0}
# The work tree must be this one: a source archive may lie inside somebody else's repository.
if [ "$(git rev-parse --show-prefix 2>/dev/null || echo none)" = "" ] && git rev-parse -q --verify HEAD >/dev/null 2>&1; then
	version=$(git describe --tags --always --dirty)
	commit=$(git rev-parse HEAD)
	epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
fi
date=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -r "$epoch" +%Y-%m-%dT%H:%M:%SZ)

echo "-s -w -X main.version=$version -X main.commit=$commit -X main.date=$date"
