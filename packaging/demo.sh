#!/bin/sh
# The demo: makes a starter configuration, starts the appliance on loopback ports, signs the demo
# user in by EAP-TLS with the built-in client, and stays up until Ctrl-C.
#
#   --exit       leave as soon as the sign-in is over, with its exit code
#   --keep       leave the demo directory behind
#   --dir DIR    make it there (default: demo, in the current directory)
set -eu

gatehouse=${GATEHOUSE:-$(dirname "$0")/../bin/gatehouse}
dir=demo
stay=1
keep=
while [ $# -gt 0 ]; do
	case $1 in
	--exit) stay= ;;
	--keep) keep=1 ;;
	--dir) dir=${2:?--dir needs a directory}; shift ;;
	*)
		echo "usage: demo.sh [--exit] [--keep] [--dir DIR]" >&2
		exit 2
		;;
	esac
	shift
done
if [ -e "$dir" ]; then
	echo "demo: $dir exists already: remove it, or name another with --dir" >&2
	exit 1
fi
config=$dir/config
state=$dir/state
log=$dir/gatehouse.log
server=

# leave ends the server that this script started, and nothing else.
# shellcheck disable=SC2317 # the trap calls it
leave() {
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
		server=
	fi
	[ -n "$keep" ] || rm -rf "$dir"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir -p "$state"
"$gatehouse" init "$config" --demo >"$dir/init.log"
echo "Made a demo configuration with \`gatehouse init --demo\`: $config"
echo "Starting the appliance; its log is $log"
"$gatehouse" serve --config "$config" --state "$state" 2>"$log" &
server=$!
tries=0
until "$gatehouse" health --state "$state" >/dev/null 2>&1; do
	tries=$((tries + 1))
	if ! kill -0 "$server" 2>/dev/null || [ $tries -ge 150 ]; then
		echo "demo: the appliance did not become ready:" >&2
		"$gatehouse" health --state "$state" >&2 || true
		tail -n 20 "$log" >&2
		exit 1
	fi
	sleep 0.1
done

probe="$gatehouse probe --server 127.0.0.1:18120 --secret-file $config/demo/secret --method tls
  --identity demo --cert $config/demo/user.pem --key $config/demo/user-key.pem
  --ca $config/demo/server-ca.pem --server-name radius.demo.example"
echo
echo "Signing the demo user in with:"
echo "$probe" | sed 's/^ */  /; $!s/$/ \\/'
echo
code=0
"$gatehouse" probe --server 127.0.0.1:18120 --secret-file "$config/demo/secret" --method tls \
	--identity demo --cert "$config/demo/user.pem" --key "$config/demo/user-key.pem" \
	--ca "$config/demo/server-ca.pem" --server-name radius.demo.example || code=$?
echo
echo "What the appliance wrote about it:"
grep '"msg":"decision"' "$log" || tail -n 5 "$log"
echo
echo "The demo runs no OCSP responder (ocsp: off): nobody asks whether the certificate has been revoked."

if [ -z "$stay" ] || [ $code -ne 0 ]; then
	exit $code
fi
echo "Configuration: $config  state: $state  log: $log"
trap "echo; exit 0" INT # the wanted end
echo "Ctrl-C ends the demo${keep:+ and leaves $dir behind}."
wait "$server" || code=$?
server=
echo "demo: the appliance ended by itself; the end of its log:" >&2
tail -n 20 "$log" >&2
exit "$code"
