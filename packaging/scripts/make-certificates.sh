#!/bin/sh
# Makes a CA for users, or user certificates signed by it, with openssl. For pilots: a CA of
# a company keeps its key elsewhere than in a file.
#
#   make-certificates.sh ca DIR ORGANISATION
#   make-certificates.sh user DIR KIND NAME [--ocsp URL]
#
# KIND says where the name stands: email-san (subjectAltName), email-dn (emailAddress of the subject,
# without the empty common name that some CAs write beside it) or username-cn (common name). Writes
# DIR/ca.pem and DIR/ca-key.pem, or DIR/NAME.pem, NAME-key.pem and NAME.p12; the password of the .p12
# is printed and kept nowhere.
set -eu
umask 077

usage() { sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2; }

# config writes what openssl is to be told; of strangers' text nothing stands in it but what
# check has let through.
config() {
	cat <<CNF
[req]
prompt = no
string_mask = utf8only
utf8 = yes
distinguished_name = name
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[user]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
$1
[name]
O = $2
$3
CNF
}

# check refuses what would mean something to openssl's configuration or to the file system.
check() {
	case $1 in
	'' | -* | .* | *[!A-Za-z0-9@._+' '-]*) echo "make-certificates.sh: $1: write letters, digits, spaces and @ . _ + - only" >&2; exit 2 ;;
	esac
}

make_ca() {
	[ $# = 2 ] || usage
	dir=$1
	check "$2"
	mkdir -p "$dir"
	[ ! -e "$dir/ca-key.pem" ] || { echo "make-certificates.sh: $dir/ca-key.pem is there already" >&2; exit 1; }
	config "" "$2" "CN = $2 Users CA" >"$dir/openssl.cnf"
	openssl req -x509 -new -newkey rsa:3072 -nodes -sha256 -days 1095 -config "$dir/openssl.cnf" \
		-extensions ca -keyout "$dir/ca-key.pem" -out "$dir/ca.pem" 2>"$dir/log" || { cat "$dir/log" >&2; exit 1; }
	printf '%s\n' "$2" >"$dir/organisation"
	rm "$dir/log" "$dir/openssl.cnf"
	echo "Made $dir/ca.pem: copy it to ca/NAME.pem of the gateway. Keep $dir/ca-key.pem where nobody finds it."
}

make_user() {
	[ $# = 3 ] || [ $# = 5 ] || usage
	dir=$1 kind=$2 name=$3 extra=
	check "$name"
	if [ $# = 5 ]; then
		[ "$4" = --ocsp ] || usage
		case $5 in *[!A-Za-z0-9:/._-]*) usage ;; esac
		extra="authorityInfoAccess = OCSP;URI:$5"
	fi
	case $kind in
	email-san) subject="" extra="subjectAltName = email:$name
$extra" ;;
	email-dn) subject="emailAddress = $name" ;;
	username-cn) subject="CN = $name" ;;
	*) usage ;;
	esac
	base=$dir/$name
	[ ! -e "$base-key.pem" ] || { echo "make-certificates.sh: $base-key.pem is there already" >&2; exit 1; }
	config "$extra" "$(cat "$dir/organisation")" "$subject" >"$base.cnf"
	{
		openssl req -new -newkey rsa:2048 -nodes -sha256 -config "$base.cnf" -keyout "$base-key.pem" -out "$base.csr" &&
			openssl x509 -req -in "$base.csr" -sha256 -days 365 -CA "$dir/ca.pem" -CAkey "$dir/ca-key.pem" \
				-set_serial "0x$(openssl rand -hex 15)" -extfile "$base.cnf" -extensions user -out "$base.pem"
	} 2>"$base.log" || { cat "$base.log" >&2; exit 1; }
	password=$(openssl rand -hex 10)
	PASSWORD=$password openssl pkcs12 -export -inkey "$base-key.pem" -in "$base.pem" -certfile "$dir/ca.pem" \
		-name "$name" -passout env:PASSWORD -out "$base.p12"
	rm "$base.cnf" "$base.csr" "$base.log"
	echo "Made $base.pem and $base.p12."
	echo "Password of the .p12: $password"
}

case ${1-} in
ca) shift; make_ca "$@" ;;
user) shift; make_user "$@" ;;
*) usage ;;
esac
