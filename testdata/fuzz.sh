#!/bin/sh
# Runs every fuzz target of the module for the time given (1m if none), one after the other, to
# the end, and fails if one of them failed. Inputs that break something stay in the testdata/fuzz
# folder of their package: commit them with the fix.
set -eu
cd "$(dirname "$0")/.."
fuzztime=${1:-1m}

output=$(mktemp)
trap 'rm -f "$output"' EXIT
trap 'exit 130' INT TERM HUP

# fuzz PACKAGE NAME runs one target. Go may end a run that is still at work when the time is up
# as failed, with "context deadline exceeded" and no input that does it: that is no finding.
fuzz() {
	go test -run '^$' -fuzz "^$2\$" -fuzztime "$fuzztime" "$1" </dev/null >"$output" 2>&1 && code=0 || code=$?
	cat "$output"
	[ "$code" -ne 0 ] || return 0
	grep -q '^ *context deadline exceeded$' "$output" &&
		! grep -qE 'Failing input written|panic:|^ +.*_test\.go:[0-9]+:' "$output"
}

failed=
targets=$(grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed 's/:func / /' | sort)
while read -r file name; do
	[ -n "$name" ] || continue
	package=$(dirname "$file")
	echo "$package $name"
	fuzz "$package" "$name" || failed="$failed $package:$name"
done <<LIST
$targets
LIST
if [ -n "$failed" ]; then
	echo "failed:$failed" >&2
	exit 1
fi
