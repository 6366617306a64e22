package onboard

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"strings"
)

// xmlText escapes s for XML, between tags and in attributes.
func xmlText(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // memory takes all
	return b.String()
}

// wlanProfile is a WLAN profile of Windows with EAP method 13 ([MS-GPWL] §2.2.1.2.1, WLAN_profile
// v1, EapTlsConnectionPropertiesV1 and V2).
func (p *Profile) wlanProfile() []byte {
	mode := "user"
	if p.Machine {
		mode = "machine"
	}
	var roots strings.Builder
	for _, root := range p.Trust.Roots {
		fmt.Fprintf(&roots, "<TrustedRootCA>% x</TrustedRootCA>", sha1.Sum(root.Raw)) // by this Windows finds it
	}
	return fmt.Appendf(nil, wlanFormat, xmlText(p.SSID), []byte(p.SSID), mode,
		xmlText(strings.Join(p.windowsNames(), ";")), roots.String())
}

// windowsNames are the names as Windows compares them: regular expressions of ECMAScript.
func (p *Profile) windowsNames() []string {
	var list []string
	for _, name := range p.Trust.Names {
		name = strings.ReplaceAll(name, ".", `\.`)
		list = append(list, "^"+strings.ReplaceAll(name, "*", "[^.]+")+"$")
	}
	return list
}

const wlanFormat = `<?xml version="1.0" encoding="UTF-8"?>
<WLANProfile xmlns="http://www.microsoft.com/networking/WLAN/profile/v1">
<name>%[1]s</name>
<SSIDConfig><SSID><hex>%[2]X</hex><name>%[1]s</name></SSID></SSIDConfig>
<connectionType>ESS</connectionType>
<connectionMode>auto</connectionMode>
<MSM><security>
<authEncryption><authentication>WPA2</authentication><encryption>AES</encryption><useOneX>true</useOneX></authEncryption>
<OneX xmlns="http://www.microsoft.com/networking/OneX/v1"><authMode>%[3]s</authMode><EAPConfig>
<EapHostConfig xmlns="http://www.microsoft.com/provisioning/EapHostConfig">
<EapMethod>
<Type xmlns="http://www.microsoft.com/provisioning/EapCommon">13</Type>
<VendorId xmlns="http://www.microsoft.com/provisioning/EapCommon">0</VendorId>
<VendorType xmlns="http://www.microsoft.com/provisioning/EapCommon">0</VendorType>
<AuthorId xmlns="http://www.microsoft.com/provisioning/EapCommon">0</AuthorId>
</EapMethod>
<Config><Eap xmlns="http://www.microsoft.com/provisioning/BaseEapConnectionPropertiesV1"><Type>13</Type>
<EapType xmlns="http://www.microsoft.com/provisioning/EapTlsConnectionPropertiesV1">
<CredentialsSource><CertificateStore><SimpleCertSelection>true</SimpleCertSelection></CertificateStore></CredentialsSource>
<ServerValidation><DisableUserPromptForServerValidation>true</DisableUserPromptForServerValidation><ServerNames>%[4]s</ServerNames>%[5]s</ServerValidation>
<DifferentUsername>false</DifferentUsername>
<PerformServerValidation xmlns="http://www.microsoft.com/provisioning/EapTlsConnectionPropertiesV2">true</PerformServerValidation>
<AcceptServerName xmlns="http://www.microsoft.com/provisioning/EapTlsConnectionPropertiesV2">true</AcceptServerName>
</EapType></Eap></Config>
</EapHostConfig></EAPConfig></OneX>
</security></MSM>
</WLANProfile>
`

// powerShell is the script that installs all of it. What others have chosen stands in it as
// base64 only: there is nothing to escape, and an old PowerShell that takes UTF-8 for something
// else reads it rightly. It removes what it writes.
func (p *Profile) powerShell() []byte {
	store, scope := "CurrentUser", "current"
	if p.Machine {
		store, scope = "LocalMachine", "all"
	}
	var s strings.Builder
	fmt.Fprintf(&s, scriptHead, store)
	for i, root := range p.Trust.Roots {
		fmt.Fprintf(&s, "  Save 'ca%d.cer' '%s'\n", i, base64.StdEncoding.EncodeToString(root.Raw))
		fmt.Fprintf(&s, "  Import-Certificate -FilePath (Join-Path $work 'ca%d.cer') -CertStoreLocation \"Cert:\\$store\\Root\" | Out-Null\n", i)
	}
	if p.hasKey() {
		fmt.Fprintf(&s, "  Save 'user.pfx' '%s'\n%s", base64.StdEncoding.EncodeToString(p.Identity.PKCS12), scriptKey)
	}
	fmt.Fprintf(&s, "  Save 'wifi.xml' '%s'\n", base64.StdEncoding.EncodeToString(p.wlanProfile()))
	fmt.Fprintf(&s, scriptTail, scope)
	return []byte(strings.ReplaceAll(s.String(), "\n", "\r\n"))
}

const scriptHead = `# Connects this computer to the wireless network: trusts the CA of the RADIUS server, imports the
# certificate, if there is one, and adds the network. Run it as:
#   powershell -ExecutionPolicy Bypass -File install-wifi.ps1
$ErrorActionPreference = 'Stop'
$store = '%s'
$work = Join-Path ([IO.Path]::GetTempPath()) ([Guid]::NewGuid().ToString())
New-Item -ItemType Directory -Path $work | Out-Null
function Save([string]$name, [string]$data) {
  [IO.File]::WriteAllBytes((Join-Path $work $name), [Convert]::FromBase64String($data))
}
try {
`

const scriptKey = `  $password = Read-Host -AsSecureString 'Password of the certificate'
  Import-PfxCertificate -FilePath (Join-Path $work 'user.pfx') -CertStoreLocation "Cert:\$store\My" -Password $password | Out-Null
`

const scriptTail = `  netsh wlan add profile "filename=$(Join-Path $work 'wifi.xml')" user=%s
  if ($LASTEXITCODE -ne 0) { throw 'The network could not be added: see what netsh says above.' }
  Write-Host 'Done. Choose the network in the list: it connects by itself from now on.'
} finally {
  Remove-Item -Recurse -Force $work
}
`
