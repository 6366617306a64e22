#!/bin/sh
# Runs every fuzz target of the module for the time given (1m if none), one after the other, to
# the end, and fails if one of them failed. Inputs that break something stay in the testdata/fuzz
# folder of their package: commit them with the fix.
set -eu
cd "$(dirname "$0")/.."
fuzztime=${1:-1m}

failed=
targets=$(grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed 's/:func / /' | sort)
while read -r file name; do
	[ -n "$name" ] || continue
	package=$(dirname "$file")
	echo "$package $name"
	go test -run '^$' -fuzz "^$name\$" -fuzztime "$fuzztime" "$package" </dev/null || failed="$failed $package:$name"
done <<LIST
$targets
LIST
if [ -n "$failed" ]; then
	echo "failed:$failed" >&2
	exit 1
fi
