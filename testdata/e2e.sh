#!/bin/sh
# Runs the slow tests: those in files with the build tag e2e, whose names begin with TestE2E. One
# package at a time: some measure what a machine can carry.
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
export PATH

packages=$(grep -rl --include='*_test.go' '^//go:build e2e$' . | xargs -r -n1 dirname | sort -u)
if [ -z "$packages" ]; then
	echo "no test has the build tag e2e"
	exit 0
fi
# shellcheck disable=SC2086 # a list of words
exec testdata/gotest.sh -tags e2e -p 1 -run '^TestE2E' -count 1 -timeout 60m $packages
