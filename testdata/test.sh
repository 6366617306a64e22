#!/bin/sh
# Runs every test with the race detector, and those of authcore, the store and the journal once
# more for 32 bit, natively: an int of 32 bits on the gateways is where lengths and times go wrong.
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin # where Debian keeps hostapd and radsecproxy
export PATH

race=-race
if ! CGO_ENABLED=1 go run -race testdata/race/main.go 2>/dev/null; then
	if [ "${CI:-}" = true ]; then
		echo "the race detector does not work here: it needs a C compiler" >&2
		exit 1
	fi
	echo "no C compiler: running without the race detector" >&2
	race=
fi
status=0
# shellcheck disable=SC2086 # empty or one word
CGO_ENABLED=${race:+1} testdata/gotest.sh $race -timeout 12m ./... || status=1

if [ "$(go env GOHOSTARCH)" = amd64 ]; then
	echo "authcore, the store and the journal on 32 bit (GOARCH=386):"
	GOARCH=386 CGO_ENABLED=0 testdata/gotest.sh -timeout 10m ./authcore/... ./appliance/store ./appliance/journal || status=1
else
	echo "32 bit: left out, this machine does not run 386 programs" >&2
	[ "${CI:-}" != true ] || status=1
fi
exit $status
