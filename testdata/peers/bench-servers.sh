# shellcheck shell=bash
# Read by bench.sh: how each server is configured and started. Every one gets the same chain, the
# same fragment size, one client (127.0.0.1) with one secret, and the cache switched on or off.
# In: work, pki (the directory of the keys in use), secret, fragment_size, resume (on|off), users.

port_of() {
	case $1 in gatehouse) echo 18121 ;; freeradius) echo 18122 ;; hostapd) echo 18123 ;; esac
}

configure_gatehouse() {
	local dir=$1/config lifetime=0s
	[ "$resume" = off ] || lifetime=1h
	mkdir -p "$1/state" "$dir"/{ca,server/bench,radius,users}
	cp "$pki/ca.pem" "$dir/ca/bench.pem"
	cp "$pki/server.pem" "$dir/server/bench/certificate.pem"
	cp "$pki/server-key.pem" "$dir/server/bench/key.pem"
	cat >"$dir/gatehouse.yaml" <<CONF
schema: 1
node: {id: bench}
listen: {auth: "127.0.0.1:$(port_of gatehouse)", acct: "", ui: "", metrics: ""}
CONF
	cat >"$dir/policy.yaml" <<CONF
eap: {fragment_size: $fragment_size, session_lifetime: $lifetime}
revocation: {ocsp: off}
CONF
	cat >"$dir/radius/bench.yaml" <<CONF
authentication: {method: passwordless, ca: [bench]}
clients:
  - {name: bench, address: 127.0.0.1, secret: "$secret"}
CONF
	awk -v n="$users" 'BEGIN {
		print "{\"username\": \"bench\", \"email\": \"bench@bench.example\"}"
		for (i = 2; i <= n; i++)
			printf "{\"username\": \"user%d\", \"email\": \"user%d@bench.example\"}\n", i, i
	}' >"$dir/users/all.jsonl"
}

start_gatehouse() { "$work/gatehouse" serve --config "$1/config" --state "$1/state" >"$1/log" 2>&1 & }

configure_freeradius() {
	local dir=$1 cache='cache { enable = no }'
	[ "$resume" = off ] || cache="cache {
				enable = yes
				lifetime = 1
				name = bench
				persist_dir = $dir/cache
			}"
	mkdir -p "$dir/cache"
	cat >"$dir/radiusd.conf" <<CONF
prefix = /usr
logdir = $dir
run_dir = $dir
libdir = /usr/lib/freeradius
pidfile = $dir/pid
max_request_time = 30
cleanup_delay = 5
max_requests = 16384
log {
	destination = files
	file = $dir/radius.log
	auth = yes
}
security {
	reject_delay = 1
	status_server = yes
	allow_vulnerable_openssl = yes
}
thread pool {
	start_servers = 5
	max_servers = 32
	min_spare_servers = 3
	max_spare_servers = 10
	max_requests_per_server = 0
}
client bench {
	ipaddr = 127.0.0.1
	secret = $secret
	require_message_authenticator = yes
}
modules {
	eap {
		default_eap_type = tls
		timer_expire = 60
		max_sessions = 16384
		tls-config tls-common {
			private_key_file = $pki/server-key.pem
			certificate_file = $pki/server.pem
			ca_file = $pki/ca.pem
			fragment_size = $fragment_size
			tls_min_version = "1.2"
			tls_max_version = "1.3"
			ecdh_curve = ""
			$cache
		}
		tls {
			tls = tls-common
		}
	}
}
server default {
	listen {
		type = auth
		ipaddr = 127.0.0.1
		port = $(port_of freeradius)
	}
	authorize {
		eap
	}
	authenticate {
		eap
	}
}
CONF
}

start_freeradius() { freeradius -f -d "$1" >"$1/log" 2>&1 & }

configure_hostapd() {
	local dir=$1 lifetime=0
	[ "$resume" = off ] || lifetime=3600
	mkdir -p "$dir"
	echo '* TLS' >"$dir/users"
	echo "127.0.0.1 $secret" >"$dir/clients"
	cat >"$dir/hostapd.conf" <<CONF
driver=none
eap_server=1
eap_user_file=$dir/users
radius_server_clients=$dir/clients
radius_server_auth_port=$(port_of hostapd)
ca_cert=$pki/ca.pem
server_cert=$pki/server.pem
private_key=$pki/server-key.pem
fragment_size=$fragment_size
tls_flags=[ENABLE-TLSv1.3]
tls_session_lifetime=$lifetime
CONF
}

start_hostapd() { hostapd "$1/hostapd.conf" >"$1/log" 2>&1 & }
