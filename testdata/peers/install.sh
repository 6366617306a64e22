#!/bin/sh
# Installs the programs that the tests meet the outside world with, where it may: on Debian and
# its kin, as root. It asks the package servers for nothing when everything is there. Where it
# may not install, it says what is missing and leaves the verdict to the tests: they skip with
# a clear text, or fail when CI=true.
set -eu
PATH=$PATH:/usr/sbin:/sbin

# command          package          for
wanted='
eapol_test         eapoltest        authcore, cmd/gatehouse: the real 802.1X client
radclient          freeradius-utils authcore/radserver: Status-Server, plain requests
hostapd            hostapd          authcore/supplicant: an EAP server that is not ours
wpa_supplicant     wpasupplicant    the client of Linux desktops
radsecproxy        radsecproxy      RADIUS/TLS and RADIUS/DTLS
openssl            openssl          certificates that Go does not make, TLS without EMS
systemd-analyze    systemd          packaging: the score of the unit
cc                 gcc              the race detector
shellcheck         shellcheck       make lint: the shell scripts
'
missing=
packages=
while read -r command package _; do
	[ -n "$command" ] || continue
	command -v "$command" >/dev/null 2>&1 && continue
	missing="$missing $command"
	packages="$packages $package"
done <<LIST
$wanted
LIST

if [ -z "$missing" ]; then
	exit 0
fi
case $packages in *gcc*) packages="$packages libc6-dev" ;; esac
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
	echo "peers: not here:$missing (Debian:$packages); installing needs root and apt-get" >&2
	exit 0
fi
echo "peers: installing$packages"
export DEBIAN_FRONTEND=noninteractive
# No service of theirs may start: tests start their own, with their own configuration.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap 'rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod +x $policy
fi
apt-get update -qq
# shellcheck disable=SC2086 # a list of words
apt-get install -y -qq --no-install-recommends $packages >/dev/null
