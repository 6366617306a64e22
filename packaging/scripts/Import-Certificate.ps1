# Imports a person's certificate, and the root CA of the RADIUS server, for the current user.
#   powershell -ExecutionPolicy Bypass -File Import-Certificate.ps1 -P12 alice.pfx -CA ca.crt
param(
  [Parameter(Mandatory = $true)][string]$P12,
  [Parameter(Mandatory = $true)][string]$CA
)
$ErrorActionPreference = 'Stop'
Import-Certificate -FilePath $CA -CertStoreLocation 'Cert:\CurrentUser\Root' | Out-Null
$password = Read-Host -AsSecureString 'Password of the .p12 or .pfx'
Import-PfxCertificate -FilePath $P12 -CertStoreLocation 'Cert:\CurrentUser\My' -Password $password | Out-Null
Write-Host 'Done. Choose the network, and Connect using a certificate.'
