#!/bin/sh
# Installs the programs that the tests meet the outside world with, where it may: on Debian and
# its kin, as root. It asks the package servers for nothing when everything is there. Where it
# may not install, it says what is missing and leaves the verdict to the tests: they skip with
# a clear text, or fail when CI=true.
#
#   install.sh [test|e2e|bench …]     for which of them (default: test)
set -eu
PATH=$PATH:/usr/sbin:/sbin

# command          package          when   for
wanted='
eapol_test         eapoltest        test   authcore, cmd/gatehouse: the real 802.1X client
radclient          freeradius-utils test   authcore/radserver: Status-Server, plain requests
hostapd            hostapd          test   authcore/supplicant: an EAP server that is not ours
wpa_supplicant     wpasupplicant    test   the client of Linux desktops
radsecproxy        radsecproxy      test   RADIUS/TLS and RADIUS/DTLS
openssl            openssl          test   certificates that Go does not make, TLS without EMS
minisign           minisign         test   sync/bundle: signatures, both ways
age                age              test   sync/bundle: encrypted secrets, both ways
age-keygen         age              test   likewise
xmlsec1            xmlsec1          test   authcore/saml: signatures of answers
rsync              rsync            test   sync/watch: how files get to a branch
rsyslogd           rsyslog-openssl  test   appliance/syslog: a collector
systemd-analyze    systemd          test   packaging: the score of the unit
cc                 gcc              test   the race detector
shellcheck         shellcheck       test   make lint: the shell scripts
ip                 iproute2         e2e    network namespaces: a branch in a box
hostapd            hostapd          e2e    the switch of that branch
wpa_supplicant     wpasupplicant    e2e    the device of that branch
apache2            apache2          e2e    what service providers run in
/usr/lib/apache2/modules/mod_auth_mellon.so libapache2-mod-auth-mellon e2e a service provider
shibd              libapache2-mod-shib e2e another one
chromium           chromium         e2e    a browser with a certificate
zbarimg            zbar-tools       e2e    reads the QR codes of pages
certutil           libnss3-tools    e2e    puts it there
unshare            util-linux       e2e    keeps its policy apart
promtool           prometheus       e2e    packaging: the alert rules
node               nodejs           e2e    what node-saml and playwright run in
npm                npm              e2e    what brings them
xmlsec1            xmlsec1          e2e    signatures of answers
xmllint            libxml2-utils    e2e    authcore/onboard: profiles of Windows by their schema
plistutil          libplist-utils   e2e    authcore/onboard: profiles of Apple
nmcli              network-manager  e2e    authcore/onboard: NetworkManager reads its keyfile
qemu-arm           qemu-user        e2e    the ARM binaries at work
chronyd            chrony           e2e    a time server
strace             strace           e2e    what is written while a .p12 is looked at
eapol_test         eapoltest        bench  the load
freeradius         freeradius       bench  a server to compare with
hostapd            hostapd          bench  a server to compare with
ip                 iproute2         bench  a loopback of its own for all of them
unshare            util-linux       bench  likewise
'
# What node-saml needs, by the name in its package.json.
nodesaml() {
	here=$(dirname "$0")/nodesaml
	case " $* " in *" e2e "*) ;; *) return 0 ;; esac
	if [ -d "$here/node_modules" ] || ! command -v npm >/dev/null 2>&1; then return 0; fi
	echo "peers: installing @node-saml/node-saml"
	npm install --prefix "$here" --no-package-lock --no-audit --no-fund --silent
}

# What parses PowerShell, by its lock file; nothing is compiled.
powershell() {
	here=$(dirname "$0")/powershell
	case " $* " in *" e2e "*) ;; *) return 0 ;; esac
	if [ -d "$here/node_modules" ] || ! command -v npm >/dev/null 2>&1; then return 0; fi
	echo "peers: installing tree-sitter-powershell"
	npm ci --prefix "$here" --ignore-scripts --no-audit --no-fund --silent
}

# What drives the browser, by its lock file.
browser() {
	here=$(dirname "$0")/browser
	case " $* " in *" e2e "*) ;; *) return 0 ;; esac
	if [ -d "$here/node_modules" ] || ! command -v npm >/dev/null 2>&1; then return 0; fi
	echo "peers: installing playwright-core, axe-core"
	npm ci --prefix "$here" --no-audit --no-fund --silent
}

missing=
packages=
while read -r command package when _; do
	case " ${*:-test} " in *" ${when:--} "*) ;; *) continue ;; esac
	if [ -e "$command" ] || command -v "$command" >/dev/null 2>&1; then continue; fi
	missing="$missing $command"
	packages="$packages $package"
done <<LIST
$wanted
LIST

if [ -z "$missing" ]; then
	nodesaml "$@"
	powershell "$@"
	browser "$@"
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
nodesaml "$@"
powershell "$@"
browser "$@"
