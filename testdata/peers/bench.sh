#!/usr/bin/env bash
# Lets Gatehouse, FreeRADIUS and hostapd authenticate the same devices, in turns, and prints what
# each costs: server CPU per authentication, RADIUS rounds, memory, time to the first answer.
#
#   ROUNDS=5 CLIENTS=16 N=25 testdata/peers/bench.sh [SCENARIO …]
#
# A round gives every server, one after the other, CLIENTS eapol_test at once, each with N
# authentications. Absolute times drift on shared machines: read the ratio, which is taken within
# a round. Scenarios: full12 full13 rsa12 (the default: the same devices come back), first12 (each
# authentication is that of a device never seen before), resumed12 resumed13 (one full handshake per
# client, then resumed ones). ROUNDS=1 N=20 CLIENTS=4 checks the script itself.
#
#   SERVERS="gatehouse hostapd"   not all three      USERS=10000   users that Gatehouse knows
#   GATEHOUSE=FILE                this binary        KEEP=1        leave logs behind
#   STARTS=5                      starts of each server; Gatehouse has the state of the last one
#   PROBE=800                     authentications of `gatehouse probe`, for rate and latency; 0: none
#   GOMAXPROCS, GOGC, GOMEMLIMIT  reach Gatehouse
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
rounds=${ROUNDS:-5} clients=${CLIENTS:-16} each=${N:-25} users=${USERS:-10000}
probes=${PROBE:-800} starts=${STARTS:-5}
read -ra servers <<<"${SERVERS:-gatehouse freeradius hostapd}"
scenarios=("$@")
[ $# -gt 0 ] || scenarios=(full12 full13 rsa12)
hz=$(getconf CLK_TCK)
fragment_size=1024
certificate='\(handshake/certificate\)' # received by the client: a full handshake
secret=bench-secret-of-loopback

if [ -z "${BENCH_DIR:-}" ]; then
	for command in eapol_test ip unshare "${servers[@]}"; do
		[ "$command" != gatehouse ] || continue
		command -v "$command" >/dev/null || {
			echo "bench: $command is not installed; testdata/peers/install.sh bench installs it" >&2
			exit 1
		}
	done
	# What needs the outside is done here. All else has namespaces of its own: for the network,
	# since hostapd listens on every address; for processes, so that none outlives the script.
	BENCH_DIR=$(mktemp -d)
	export BENCH_DIR
	inside=
	# shellcheck disable=SC2317 # the trap calls it
	leave() {
		[ -z "$inside" ] || kill -KILL "$inside" 2>/dev/null || true # and so all in there
		if [ -n "${KEEP:-}" ]; then echo "kept: $BENCH_DIR"; else rm -rf "$BENCH_DIR"; fi
	}
	trap leave EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	if [ -n "${GATEHOUSE:-}" ]; then
		cp "$GATEHOUSE" "$BENCH_DIR/gatehouse"
	else
		(cd "$here/../.." && CGO_ENABLED=0 go build -trimpath -ldflags "$(packaging/ldflags.sh)" \
			-o "$BENCH_DIR/gatehouse" ./cmd/gatehouse)
	fi
	(cd "$here" && go build -o "$BENCH_DIR/firstanswer" ./firstanswer)
	user=()
	[ "$(id -u)" = 0 ] || user=(--map-root-user)
	unshare --net --pid --fork --kill-child --mount-proc "${user[@]}" "$0" "$@" &
	inside=$!
	code=0
	wait $inside || code=$?
	inside=
	exit $code
fi

work=$BENCH_DIR
pids=()
ip link set lo up
# shellcheck source=testdata/peers/bench-servers.sh
. "$here/bench-servers.sh"
measured=$work/measured
: >"$measured"
printf %s "$secret" >"$work/secret"
# One suite for all: OpenSSL would choose by its own order, Go by another.
cat >"$work/openssl.cnf" <<CONF
openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = tls
[tls]
Ciphersuites = TLS_AES_128_GCM_SHA256
Groups = X25519:P-256
CONF

no_pki() {
	echo "bench: gatehouse pki:" >&2
	tail -n 5 "$work/pki.log" >&2
	exit 1
}

# make_pki KIND makes root, intermediate, server credential and one user certificate below it.
make_pki() {
	local dir=$work/pki-$1
	[ ! -d "$dir" ] || return 0
	"$work/gatehouse" pki ca "$dir" --intermediate --kind "$1" --name "Bench CA" &&
		"$work/gatehouse" pki issue "$dir" --kind server --key "$1" \
			--name radius.bench.example --file server &&
		"$work/gatehouse" pki issue "$dir" --kind email-san --key "$1" \
			--name bench@bench.example --file user
}

# set_scenario NAME sets what distinguishes it: kind of key, phase1 of the client, resumption.
set_scenario() {
	local kind=ecdsa
	fresh='' resume=off phase1="tls_disable_tlsv1_3=1"
	case $1 in
	full12) ;;
	full13) phase1="tls_disable_tlsv1_3=0" ;;
	rsa12) kind=rsa ;;
	first12) fresh=yes ;;
	resumed12) resume=on phase1="tls_disable_tlsv1_3=1 tls_disable_session_ticket=0" ;;
	resumed13) resume=on phase1="tls_disable_tlsv1_3=0" ;;
	*)
		echo "bench: no scenario $1" >&2
		exit 2
		;;
	esac
	make_pki "$kind" >"$work/pki.log" 2>&1 || no_pki
	pki=$work/pki-$kind
	cat >"$work/client.conf" <<CONF
fast_reauth=$([ $resume = on ] && echo 1 || echo 0)
network={
	key_mgmt=WPA-EAP
	eap=TLS
	identity="bench@bench.example"
	ca_cert="$pki/ca.pem"
	client_cert="$pki/user.pem"
	private_key="$pki/user-key.pem"
	openssl_ciphers="ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
	phase1="$phase1"
	fragment_size=$fragment_size
}
CONF
}

# cpu_ms PID prints the CPU time of a server in ms: its own and that of children it waited for.
cpu_ms() {
	sed 's/.*) //' "/proc/$1/stat" |
		awk -v hz="$hz" '{ print ($12 + $13 + $14 + $15) * 1000 / hz }'
}

# minus A B UNIT prints A − B in UNITs.
minus() { awk -v a="$1" -v b="$2" -v u="$3" 'BEGIN { print (a - b) / u }'; }

resident_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }

# start_server SCENARIO SERVER starts one and waits for its first answer.
start_server() {
	local dir=$work/$1/$2 began first
	mkdir -p "$dir"
	"configure_$2" "$dir"
	began=$EPOCHREALTIME
	"start_$2" "$dir"
	pids+=($!)
	if ! first=$("$work/firstanswer" "127.0.0.1:$(port_of "$2")" "$work/secret"); then
		gone "$1" "$2"
	fi
	echo "start $1 $2 $(minus "$first" "$began" 0.001) $(resident_kib "${pids[-1]}")" >>"$measured"
}

stop_servers() {
	local pid
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	pids=()
}

# new_devices makes a certificate for every authentication of a round.
new_devices() {
	rm -f "$pki"/new-*
	seq $((clients * each)) | xargs -P "$(nproc)" -I '{}' "$work/gatehouse" pki issue "$pki" \
		--kind email-san --name bench@bench.example --file 'new-{}' >"$work/pki.log" 2>&1 || no_pki
}

# client PORT NUMBER authenticates N times and prints what counts of eapol_test's long story.
client() {
	local code=0 i
	if [ -z "$fresh" ]; then
		eapol "$1" "$2" "$work/client.conf" $((each - 1)) || code=$?
	else
		for ((i = ($2 - 1) * each + 1; i <= $2 * each; i++)); do
			sed "s,/user,/new-$i," "$work/client.conf" >"$work/client.conf.$2"
			eapol "$1" "$2" "$work/client.conf.$2" 0 || code=$?
		done
	fi 2>&1 | grep -aE "^(Sending RADIUS|Received [0-9]+ bytes|MPPE keys OK)|RX .*$certificate" || code=$?
	[ $code -le 1 ] || return $code
}

# eapol PORT NUMBER CONF AGAIN runs eapol_test, which authenticates once and AGAIN times more.
eapol() {
	OPENSSL_CONF=$work/openssl.cnf eapol_test -c "$3" -a 127.0.0.1 -p "$1" -s "$secret" \
		-r "$4" -t 60 -M "$(printf '02:00:5e:00:53:%02x' "$2")"
}

# gone SCENARIO SERVER ends the script for a server that does not answer or has ended.
gone() {
	echo "bench: $2 does not answer or has ended; the end of its log:" >&2
	tail -n 40 "$work/$1/$2"/*log >&2
	exit 1
}

# load SCENARIO ROUND SERVER PID lets all clients loose on one server.
load() {
	local port before after i waiting=()
	port=$(port_of "$3")
	before=$(cpu_ms "$4") || gone "$1" "$3"
	for ((i = 1; i <= clients; i++)); do
		client "$port" "$i" >"$work/said.$i" &
		waiting+=($!)
	done
	wait "${waiting[@]}" || true
	after=$(cpu_ms "$4") || gone "$1" "$3"
	cat "$work"/said.* | awk -v wanted=$((clients * each)) \
		-v head="cpu $1 $2 $3 $(minus "$after" "$before" 1)" '
		/^Sending RADIUS/ { requests++ }
		/^Received/ { bytes += $2 }
		/RX .*certificate/ { full++ }
		/^MPPE keys OK/ { ok += $4 }
		END { print head, wanted, ok + 0, requests + 0, bytes + 0, ok - full }' |
		tee -a "$measured" |
		awk '{ printf "%-10s round %s  %-10s %6.2f ms/auth, %d of %d ok\n",
			$2, $3, $4, $7 ? $5 / $7 : 0, $7, $6 }' >&2
}

# rate SCENARIO SERVER PID lets our own client measure what eapol_test cannot, since that sleeps in
# between: rate, latency and the CPU of a server that is never idle.
# That it finds rules broken is not the question here.
rate() {
	local version=1.2 more=() said before after
	case $1 in *13) version=1.3 ;; esac
	[ "$resume" = off ] || more=(--resume)
	[ "$2" != hostapd ] || sleep 5 # it takes 1,000 new sessions in that time, no more
	before=$(cpu_ms "$3") || gone "$1" "$2"
	said=$("$work/gatehouse" probe --server "127.0.0.1:$(port_of "$2")" \
		--secret-file "$work/secret" --identity bench@bench.example \
		--cert "$pki/user.pem" --key "$pki/user-key.pem" --ca "$pki/ca.pem" \
		--tls-min $version --tls-max $version --fragment-size "$fragment_size" \
		--count "$probes" --parallel "$clients" "${more[@]}" 2>/dev/null) || true
	after=$(cpu_ms "$3") || gone "$1" "$2"
	printf '%-9s %-10s %.2f ms/auth; %s\n' "$1" "$2" "$(minus "$after" "$before" "$probes")" \
		"$(echo "$said" | tail -n 1)"
}

measure() {
	local scenario=$1 round i server
	set_scenario "$scenario"
	for ((i = 1; i < starts; i++)); do # the last start is the one that serves
		for server in "${servers[@]}"; do
			start_server "$scenario" "$server"
		done
		stop_servers
	done
	for i in "${!servers[@]}"; do
		start_server "$scenario" "${servers[i]}"
	done
	for ((round = 1; round <= rounds; round++)); do
		[ -z "$fresh" ] || new_devices
		for i in "${!servers[@]}"; do
			i=$(((i + round) % ${#servers[@]})) # nobody is always first
			load "$scenario" "$round" "${servers[i]}" "${pids[i]}"
		done
	done
	for i in "${!servers[@]}"; do
		echo "after $scenario ${servers[i]} $(resident_kib "${pids[i]}")" >>"$measured"
	done
	for i in "${!servers[@]}"; do
		[ "$probes" = 0 ] || [ -n "$fresh" ] ||
			rate "$scenario" "${servers[i]}" "${pids[i]}" >>"$work/rates"
	done
	stop_servers
}

cat <<HEAD
$(date -u +%Y-%m-%d), $(nproc) CPU, $(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo), Linux $(uname -r)
$("$work/gatehouse" version)
$(freeradius -v 2>/dev/null | head -n1 | cut -d, -f1); $(hostapd -v 2>&1 | head -n1); $(openssl version)
GOMAXPROCS=${GOMAXPROCS:-default} GOGC=${GOGC:-default} GOMEMLIMIT=${GOMEMLIMIT:-default}
$clients clients × $each authentications, $rounds rounds; fragment size $fragment_size; chain root → intermediate → leaf;
X25519, AES-128-GCM; Gatehouse knows $users users. Median of the rounds; resumed: share of all handshakes.

HEAD
for scenario in "${scenarios[@]}"; do
	measure "$scenario"
done
code=0
awk -f "$here/bench-report.awk" "$measured" || code=$?
sed -n 's/.*"msg":"memory limit","bytes":\([0-9]*\).*/\nGOMEMLIMIT that Gatehouse set itself: \1 bytes/p' \
	"$work/${scenarios[0]}/gatehouse/log" 2>/dev/null || true
if [ -s "$work/rates" ]; then
	printf '\ngatehouse probe --count %d --parallel %d, on the same CPUs:\n' "$probes" "$clients"
	cat "$work/rates"
fi
[ $code = 0 ] || echo "bench: not every authentication succeeded" >&2
exit $code
