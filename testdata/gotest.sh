#!/bin/sh
# Runs go test with the given arguments and shows the line of every package, the whole output of
# those that fail, and each skip with its reason. A skip is a failure when CI=true: there an
# absent peer must not pass for a good one. The last line counts the tests.
set -eu

status=$(mktemp)
trap 'rm -f "$status"' EXIT
{
	code=0
	go test -v "$@" 2>&1 || code=$?
	echo "$code" >"$status"
} | awk -v ci="${CI:-}" '
	/^[ \t]*--- PASS/ { passed++ }
	/^[ \t]*--- FAIL/ { failed++ }
	/^[ \t]*--- SKIP/ { skipped++; skip = $0; sub(/^[ \t]+/, "", skip); skips = skips "\n" prev "\n    " skip }
	/^[^ \t=]/ || /^ +[^ ]/ { if ($0 !~ /--- /) prev = $0 }
	{ block = block $0 "\n" }
	/^(ok  |\?   )/ || / \[no test files\]$/ { print; block = ""; next }
	/^FAIL\t/ { printf "%s", noise(block); block = "" }
	function noise(text,   n, i, line, kept) {
		n = split(text, line, "\n")
		for (i = 1; i <= n; i++)
			if (line[i] !~ /^(=== (RUN|PAUSE|CONT|NAME)|[ \t]*--- PASS|PASS$)/ && line[i] != "")
				kept = kept line[i] "\n"
		return kept
	}
	END {
		printf "%s", noise(block)
		if (skips != "") print "skipped:" skips
		printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
		if (ci == "true" && skipped > 0) { print "a skip counts as a failure here (CI=true)"; exit 1 }
	}'
exit "$(cat "$status")"
