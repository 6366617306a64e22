#!/bin/sh
# Builds the static binaries of every target, or of those named as arguments, into dist/, with
# SHA256SUMS. The same commit makes the same bytes in any directory.
set -eu
cd "$(dirname "$0")"

#        name   GOARCH GOARM
targets='amd64  amd64  -
         386    386    -
         arm64  arm64  -
         armv6  arm    6
         armv7  arm    7'

ldflags=$(packaging/ldflags.sh)
buildvcs=false # a source archive has no commit to stamp
case $ldflags in *main.commit=unknown*) ;; *) buildvcs=true ;; esac
export CGO_ENABLED=0 GOOS=linux GOFLAGS="" GO386=sse2 GOAMD64=v1 GOARM64=v8.0

mkdir -p dist
rm -f dist/gatehouse-linux-* dist/SHA256SUMS
echo "$targets" | while read -r name arch arm; do
	case " ${*:-$name} " in *" $name "*) ;; *) continue ;; esac
	[ "$arm" = - ] || export GOARM="$arm"
	echo "dist/gatehouse-linux-$name"
	# shellcheck disable=SC2046 # a list of words
	GOARCH=$arch go build $(packaging/buildflags.sh) -trimpath -buildvcs=$buildvcs -ldflags "$ldflags" \
		-o "dist/gatehouse-linux-$name" ./cmd/gatehouse
done
cd dist && sha256sum gatehouse-linux-* >SHA256SUMS && cat SHA256SUMS
