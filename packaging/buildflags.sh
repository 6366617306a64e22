#!/bin/sh
# Prints the flags of go build that make the program smaller. HTTP/2 is left out. What other modules
# do is not inlined where it is never on the path of a sign-in: 0.3 MB.
set -eu
printf '%s' '-tags=nethttpomithttp2'
for module in google.golang.org github.com/dgraph-io github.com/klauspost github.com/goccy \
	github.com/spf13 go.opentelemetry.io github.com/google; do
	printf ' -gcflags=%s/...=-l' "$module"
done
echo
