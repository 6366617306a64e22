#Requires -Version 5.1
# Makes a CA for users, or user certificates signed by it, with .NET alone: Windows PowerShell 5.1
# (with .NET Framework 4.7.2 or later) or PowerShell 7 anywhere. For pilots: a CA of a company
# keeps its key elsewhere than in a file.
#
#   New-Certificates.ps1 -Organisation NAME [-Directory DIR] [-PasswordFile FILE]
#   New-Certificates.ps1 -User NAME -Kind KIND [-Ocsp URL] [-Directory DIR] [-PasswordFile FILE]
#
# KIND says where the name stands: email-san (subjectAltName), email-dn (emailAddress beside an
# empty common name) or username-cn (common name). The first form writes ca.pem and ca.pfx, which
# holds the key: its password is asked for, or read from FILE. The second one writes NAME.pem and
# NAME.pfx, and prints the password of NAME.pfx, which is kept nowhere. What exists is not
# overwritten.
#
# Copy ca.pem to ca/NAME.pem of the gateway; import NAME.pfx with Import-Certificate.ps1. A
# responder that says who is revoked needs the key of the CA, or a certificate made with it, as
# PEM: openssl pkcs12 -in ca.pfx -nocerts -nodes -out ca-key.pem
using namespace System.Security.Cryptography
using namespace System.Security.Cryptography.X509Certificates

[CmdletBinding(DefaultParameterSetName = 'CA')]
param(
  [Parameter(Mandatory = $true, ParameterSetName = 'CA')][string]$Organisation,
  [Parameter(Mandatory = $true, ParameterSetName = 'User')][string]$User,
  [Parameter(Mandatory = $true, ParameterSetName = 'User')]
  [ValidateSet('email-san', 'email-dn', 'username-cn')][string]$Kind,
  [Parameter(ParameterSetName = 'User')][string]$Ocsp = '',
  [string]$Directory = '.',
  [string]$PasswordFile = ''
)
$ErrorActionPreference = 'Stop'

# Object identifiers as they stand in a certificate. A test compares them with their names.
$oids = @{
  organizationName = '060355040a'           # 2.5.4.10
  commonName       = '0603550403'           # 2.5.4.3
  emailAddress     = '06092a864886f70d010901' # 1.2.840.113549.1.9.1
  ocsp             = '06082b06010505073001'   # 1.3.6.1.5.5.7.48.1
}

function ConvertFrom-Hex([string]$hex) {
  $bytes = [byte[]]::new($hex.Length / 2)
  for ($i = 0; $i -lt $bytes.Length; $i++) {
    $bytes[$i] = [Convert]::ToByte($hex.Substring(2 * $i, 2), 16)
  }
  return , $bytes
}

# Join-Der is one element of DER: tag, length and the parts, one after another.
function Join-Der([byte]$tag, [object[]]$parts) {
  $content = [Collections.Generic.List[byte]]::new()
  foreach ($part in $parts) { $content.AddRange([byte[]]$part) }
  $element = [Collections.Generic.List[byte]]::new()
  $element.Add($tag)
  if ($content.Count -lt 128) {
    $element.Add([byte]$content.Count)
  } elseif ($content.Count -lt 256) {
    $element.Add(0x81)
    $element.Add([byte]$content.Count)
  } else {
    $element.Add(0x82)
    $element.Add([byte]($content.Count -shr 8))
    $element.Add([byte]($content.Count -band 0xff))
  }
  $element.AddRange($content)
  return , $element.ToArray()
}

# Join-Text is a string of DER: 0x0c is a UTF8String, 0x16 an IA5String, 0x86 an address.
function Join-Text([byte]$tag, [string]$text) {
  return , (Join-Der $tag @(, [Text.Encoding]::UTF8.GetBytes($text)))
}

# New-Attribute is one relative distinguished name (RFC 5280, 4.1.2.4). .NET leaves empty ones
# out where it reads a name, and so it is made here.
function New-Attribute([string]$type, [byte]$tag, [string]$value) {
  $pair = Join-Der 0x30 @((ConvertFrom-Hex $oids[$type]), (Join-Text $tag $value))
  return , (Join-Der 0x31 @(, $pair))
}

function New-Name([object[]]$attributes) {
  return [X500DistinguishedName]::new([byte[]](Join-Der 0x30 $attributes))
}

# New-AuthorityKey is the authority key identifier (RFC 5280, 4.2.1.1), which .NET Framework
# does not know.
function New-AuthorityKey([X509Certificate2]$ca) {
  $id = @($ca.Extensions | Where-Object { $_.Oid.Value -eq '2.5.29.14' })[0].RawData
  $bare = [byte[]]$id[2..($id.Length - 1)] # without tag and length
  $key = Join-Der 0x80 @(, $bare)
  return [X509Extension]::new('2.5.29.35', [byte[]](Join-Der 0x30 @(, $key)), $false)
}

# New-Responder says where the status of the certificate can be asked for (RFC 5280, 4.2.2.1).
function New-Responder([string]$url) {
  $access = Join-Der 0x30 @((ConvertFrom-Hex $oids['ocsp']), (Join-Text 0x86 $url))
  return [X509Extension]::new('1.3.6.1.5.5.7.1.1', [byte[]](Join-Der 0x30 @(, $access)), $false)
}

# New-Key makes a key that is stored nowhere.
function New-Key([int]$bits) {
  if ($PSVersionTable.PSEdition -eq 'Desktop') { return [RSACng]::new($bits) }
  return [RSA]::Create($bits)
}

function New-Random([int]$length) {
  $bytes = [byte[]]::new($length)
  $random = [RandomNumberGenerator]::Create()
  $random.GetBytes($bytes)
  $random.Dispose()
  return , $bytes
}

function New-Request([X500DistinguishedName]$name, [RSA]$key) {
  $padding = [RSASignaturePadding]::Pkcs1
  return [CertificateRequest]::new($name, $key, [HashAlgorithmName]::SHA256, $padding)
}

# Assert-Name refuses what would mean something to the file system.
function Assert-Name([string]$name) {
  if ($name -cnotmatch '\A[A-Za-z0-9@_+][A-Za-z0-9@._+ -]*\z') {
    throw "'$name': write letters, digits, spaces and @ . _ + - only, a letter or digit first"
  }
}

function Get-Target([string]$name) {
  $path = Join-Path $folder $name
  if (Test-Path -LiteralPath $path) { throw "$path is there already" }
  return $path
}

# Save-File writes a file that must not exist, for its owner alone where there are modes.
function Save-File([string]$path, [byte[]]$data) {
  $file = [IO.File]::Open($path, [IO.FileMode]::CreateNew, [IO.FileAccess]::Write)
  try {
    if ($IsLinux -or $IsMacOS) { & chmod 600 $path }
    $file.Write($data, 0, $data.Length)
  } finally {
    $file.Dispose()
  }
}

function Save-Certificate([string]$path, [X509Certificate2]$certificate) {
  $lines = [Convert]::ToBase64String($certificate.RawData) -replace '(.{64})(?=.)', "`$1`n"
  $text = "-----BEGIN CERTIFICATE-----`n$lines`n-----END CERTIFICATE-----`n"
  Save-File $path ([Text.Encoding]::ASCII.GetBytes($text))
}

# Read-Password asks for the password of ca.pfx, twice if it is a new one, or reads the file.
function Read-Password([bool]$new) {
  if ($PasswordFile -ne '') {
    $text = (Get-Content -LiteralPath $PasswordFile -Raw) -replace '[\r\n]+\z', ''
    if ($text -eq '') { throw "$PasswordFile is empty: write the password of ca.pfx into it" }
    $secret = [Security.SecureString]::new()
    foreach ($letter in $text.ToCharArray()) { $secret.AppendChar($letter) }
    return $secret
  }
  $secret = Read-Host -AsSecureString 'Password of ca.pfx'
  if ($secret.Length -eq 0) { throw 'The key of a CA needs a password' }
  if ($new) {
    $again = Read-Host -AsSecureString 'The same once more'
    $typed = foreach ($s in $secret, $again) { [Net.NetworkCredential]::new('', $s).Password }
    if ($typed[0] -cne $typed[1]) { throw 'The two passwords differ: try again' }
  }
  return $secret
}

function New-Authority {
  Assert-Name $Organisation
  $pem = Get-Target 'ca.pem'
  $pfx = Get-Target 'ca.pfx'
  $password = Read-Password $true
  $name = New-Name @((New-Attribute 'organizationName' 0x0c $Organisation),
    (New-Attribute 'commonName' 0x0c "$Organisation Users CA"))
  $request = New-Request $name (New-Key 3072)
  $usage = [X509KeyUsageFlags]'KeyCertSign, CrlSign'
  $list = $request.CertificateExtensions
  $list.Add([X509BasicConstraintsExtension]::new($true, $false, 0, $true))
  $list.Add([X509KeyUsageExtension]::new($usage, $true))
  $list.Add([X509SubjectKeyIdentifierExtension]::new($request.PublicKey, $false))
  $start = [DateTimeOffset]::UtcNow.AddMinutes(-5)
  $ca = $request.CreateSelfSigned($start, $start.AddDays(1095))
  Save-File $pfx ($ca.Export([X509ContentType]::Pfx, $password))
  Save-Certificate $pem $ca
  Write-Host "Made ${pem}: copy it to ca/NAME.pem of the gateway. Keep $pfx where nobody finds it."
}

# Open-Authority reads the CA, and leaves its key in no store of the system.
function Open-Authority {
  $flags = [X509KeyStorageFlags]::EphemeralKeySet
  if ($IsMacOS) { $flags = [X509KeyStorageFlags]::DefaultKeySet } # it has no other
  return [X509Certificate2]::new((Join-Path $folder 'ca.pfx'), (Read-Password $false), $flags)
}

# Get-Organisation is the first O= of the CA, whose subject New-Authority has made.
function Get-Organisation([X509Certificate2]$ca) {
  foreach ($line in $ca.SubjectName.Format($true) -split '[\r\n]+') {
    if ($line -cmatch '\AO=(.+)\z') { return $Matches[1].Trim('"') }
  }
  throw 'ca.pfx names no organisation: make the CA with this script'
}

function New-Subject([string]$organisation) {
  $attributes = @(, (New-Attribute 'organizationName' 0x0c $organisation))
  switch ($Kind) {
    'email-dn' {
      $attributes += , (New-Attribute 'commonName' 0x0c '')
      $attributes += , (New-Attribute 'emailAddress' 0x16 $User)
    }
    'username-cn' { $attributes += , (New-Attribute 'commonName' 0x0c $User) }
  }
  return New-Name $attributes
}

function Add-Extensions([CertificateRequest]$request, [X509Certificate2]$ca) {
  $client = [OidCollection]::new()
  [void]$client.Add([Oid]::new('1.3.6.1.5.5.7.3.2'))
  $list = $request.CertificateExtensions
  $list.Add([X509BasicConstraintsExtension]::new($false, $false, 0, $false))
  $list.Add([X509KeyUsageExtension]::new([X509KeyUsageFlags]::DigitalSignature, $true))
  $list.Add([X509EnhancedKeyUsageExtension]::new($client, $false))
  $list.Add([X509SubjectKeyIdentifierExtension]::new($request.PublicKey, $false))
  $list.Add((New-AuthorityKey $ca))
  if ($Kind -eq 'email-san') {
    $names = [SubjectAlternativeNameBuilder]::new()
    $names.AddEmailAddress($User)
    $list.Add($names.Build($false))
  }
  if ($Ocsp -ne '') { $list.Add((New-Responder $Ocsp)) }
}

function New-UserCertificate {
  Assert-Name $User
  if ($Ocsp -cnotmatch '\A(https?://[A-Za-z0-9:/._-]+)?\z') {
    throw "'$Ocsp' is no address of a responder: write http://HOST:PORT"
  }
  $pem = Get-Target "$User.pem"
  $pfx = Get-Target "$User.pfx"
  $ca = Open-Authority
  $key = New-Key 2048
  $request = New-Request (New-Subject (Get-Organisation $ca)) $key
  Add-Extensions $request $ca
  $start = [DateTimeOffset]::UtcNow.AddMinutes(-5)
  $end = $start.AddDays(365)
  if ($end -gt [DateTimeOffset]$ca.NotAfter) { $end = [DateTimeOffset]$ca.NotAfter }
  $serial = New-Random 16
  $serial[0] = ($serial[0] -band 0x3f) -bor 0x40 # positive, and no zero in front
  $certificate = $request.Create($ca, $start, $end, $serial)
  $both = [X509Certificate2Collection]::new()
  [void]$both.Add([RSACertificateExtensions]::CopyWithPrivateKey($certificate, $key))
  [void]$both.Add([X509Certificate2]::new([byte[]]$ca.RawData))
  $password = [BitConverter]::ToString((New-Random 10)).Replace('-', '').ToLowerInvariant()
  Save-File $pfx ($both.Export([X509ContentType]::Pfx, $password))
  Save-Certificate $pem $certificate
  Write-Host "Made $pem and $pfx."
  Write-Host "Password of the .pfx: $password"
}

$folder = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Directory)
if ($PSCmdlet.ParameterSetName -eq 'CA') {
  [void](New-Item -ItemType Directory -Force -Path $folder)
  New-Authority
} else {
  New-UserCertificate
}
