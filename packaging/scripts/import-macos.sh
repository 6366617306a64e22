#!/bin/sh
# Imports a person's certificate into their login keychain of macOS, lets only the Wi-Fi client use
# its key, and prefers it for one network. A .mobileconfig does the same with less typing.
#
#   import-macos.sh FILE.p12 SSID
#
# macOS asks for the password of the .p12, and once, at the first connection, whether eapolclient
# may use the key: choose Always Allow.
set -eu
[ $# = 2 ] || { sed -n '5s/^# *//p' "$0" >&2; exit 2; }
keychain=$HOME/Library/Keychains/login.keychain-db
security import "$1" -k "$keychain" -T /System/Library/SystemConfiguration/EAPOLController.bundle/Contents/Resources/eapolclient
name=$(basename "$1" .p12)
security set-identity-preference -c "$name" -s "com.apple.network.eap.user.identity.wlan.ssid.$2" "$keychain"
echo "Choose the network $2, and Connect using a certificate."
