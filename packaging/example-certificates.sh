#!/bin/sh
# Makes the certificates of packaging/example anew, valid from 2025 to 2056: the CA for users in
# ca/acme.pem (root and issuing CA; their keys are thrown away) and the credential in server/main.
set -eu
cd "$(dirname "$0")/example"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/openssl.cnf" <<CNF
[ca]
default_ca = lab
[lab]
dir = $work
database = $work/index.txt
new_certs_dir = $work
rand_serial = yes
policy = any
default_md = sha256
unique_subject = no
[any]
organizationName = optional
commonName = optional
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[server]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:radius.acme.example
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[req]
distinguished_name = none
[none]
CNF
: >"$work/index.txt"

# issue NAME COMMON-NAME SECTION ISSUER makes NAME.pem and NAME-key.pem; a certificate that is
# its own issuer is self-signed.
issue() {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config "$work/openssl.cnf" \
		-subj "/O=Acme Example/CN=$2" -keyout "$work/$1-key.pem" -out "$work/$1.csr" 2>"$work/log"
	signer="-cert $work/$4.pem -keyfile $work/$4-key.pem"
	[ "$1" != "$4" ] || signer="-selfsign -keyfile $work/$1-key.pem"
	# shellcheck disable=SC2086 # a list of words
	openssl ca -batch -notext -config "$work/openssl.cnf" -extensions "$3" $signer \
		-startdate 20250101000000Z -enddate 20560101000000Z \
		-in "$work/$1.csr" -out "$work/$1.pem" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
}

issue users-root "Acme Example Users Root" authority users-root
issue users "Acme Example Users Issuing CA" authority users-root
issue servers-root "Acme Example Servers Root" authority servers-root
issue server radius.acme.example server servers-root

mkdir -p ca server/main
cat "$work/users-root.pem" "$work/users.pem" >ca/acme.pem
cp "$work/server.pem" server/main/certificate.pem
cp "$work/server-key.pem" server/main/key.pem
