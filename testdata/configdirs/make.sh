#!/bin/sh
# Makes the keys and certificates of the golden configuration directories anew, with OpenSSL,
# and puts a copy wherever a case has one. Run it in this directory; `go test ./sync/load
# -update` writes down what changes in the expected lines (serial numbers).
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
days=36500

# key NAME: an ECDSA P-256 key in PKCS #8
key() {
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/$1.key"
}

# root NAME SERIAL: a self-signed CA
root() {
	key "$1"
	openssl req -x509 -new -key "$work/$1.key" -days $days -set_serial "$2" \
		-subj "/O=Gatehouse lab/CN=Golden $1 CA" \
		-addext "basicConstraints=critical,CA:TRUE" \
		-addext "keyUsage=critical,keyCertSign,cRLSign" -out "$work/$1.pem"
}

# leaf NAME SERIAL SAN PURPOSE: a certificate by the CA "acme"
leaf() {
	key "$1"
	openssl req -new -key "$work/$1.key" -subj "/O=Gatehouse lab/CN=$1" -out "$work/$1.csr"
	printf 'subjectAltName=%s\nextendedKeyUsage=%s\nkeyUsage=digitalSignature\nbasicConstraints=CA:FALSE\n' \
		"$3" "$4" >"$work/$1.ext"
	openssl x509 -req -in "$work/$1.csr" -CA "$work/acme.pem" -CAkey "$work/acme.key" \
		-set_serial "$2" -days $days -extfile "$work/$1.ext" -out "$work/$1.pem"
}

{
	root acme 1
	root globex 2
	leaf radius.acme.example 3 DNS:radius.acme.example serverAuth
	leaf anna 4 email:anna@acme.example clientAuth
	key other
	openssl pkcs8 -topk8 -in "$work/other.key" -passout pass:golden -out "$work/encrypted.key"
	# -not_before and -not_after are younger than Debian's OpenSSL; ca has -startdate
	mkdir -p "$work/old" && : >"$work/old/index.txt" && echo 05 >"$work/old/serial"
	key old
	openssl req -new -key "$work/old.key" -subj "/O=Gatehouse lab/CN=Golden expired CA" -out "$work/old.csr"
	printf '%s\n' '[ca]' 'default_ca=d' '[d]' "database=$work/old/index.txt" \
		"serial=$work/old/serial" "new_certs_dir=$work/old" 'default_md=sha256' 'policy=p' \
		'x509_extensions=e' '[p]' 'organizationName=supplied' 'commonName=supplied' '[e]' \
		'basicConstraints=critical,CA:TRUE' 'keyUsage=critical,keyCertSign' >"$work/old.cnf"
	openssl ca -batch -selfsign -config "$work/old.cnf" -keyfile "$work/old.key" -in "$work/old.csr" \
		-startdate 20150101000000Z -enddate 20200101000000Z -notext -out "$work/old.pem"
} 2>/dev/null

for dir in good/* bad/*; do
	[ -d "$dir" ] || continue
	[ "$dir" = bad/empty ] && continue
	mkdir -p "$dir/ca" "$dir/server/main"
	cp "$work/acme.pem" "$dir/ca/acme.pem"
	cp "$work/radius.acme.example.pem" "$dir/server/main/certificate.pem"
	cp "$work/radius.acme.example.key" "$dir/server/main/key.pem"
done

# What single cases have that the others have not.
cp "$work/globex.pem" good/whole/ca/globex.pem
cp "$work/globex.pem" bad/doubtful/ca/globex.pem
cp "$work/old.pem" bad/doubtful/ca/old.pem
cat "$work/acme.pem" "$work/anna.pem" >bad/ca-with-leaf/ca/acme.pem
cat "$work/acme.pem" "$work/acme.key" >bad/ca-with-key/ca/acme.pem
cp "$work/other.key" bad/key-does-not-fit/server/main/key.pem
cp "$work/encrypted.key" bad/key-encrypted/server/main/key.pem
head -n 2 "$work/other.key" >bad/key-unreadable/server/main/key.pem
rm bad/half-pair/server/main/key.pem
sed 's/$/\r/' "$work/acme.pem" >good/crlf/ca/acme.pem
sed 's/$/\r/' "$work/radius.acme.example.key" >good/crlf/server/main/key.pem
printf '\357\273\277' | cat - "$work/acme.pem" >good/bom/ca/acme.pem
