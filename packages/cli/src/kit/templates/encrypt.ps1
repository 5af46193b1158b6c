<#
Encrypts files so that only the receiver can read them. For Windows PowerShell 5.1 (.NET Framework 4.6 or later) and
PowerShell 7; needs no openssl.

  powershell -ExecutionPolicy Bypass -File encrypt.ps1 -SelfTest
  powershell -ExecutionPolicy Bypass -File encrypt.ps1 report.csv

{{title}}
SHA-256 fingerprint of the receiver's public key; compare it with the receiver over the phone before first use:
  {{fingerprint}}

For each file it writes four results beside it (or into -OutputDirectory): FILE.enc, FILE.keypke.bin.enc, FILE.alg and
FILE.manifest.json. Send all of them; the manifest last.

Not proven in advance: this script was checked by a PowerShell grammar and, step for step, by a port of its algorithm,
but not run on Windows before it was given to you. Run -SelfTest first, and begin with a file that may be lost.
#>
param(
  [Parameter(Position = 0, ValueFromRemainingArguments = $true)] [string[]] $Path = @(),
  [string] $OutputDirectory = '',
  [switch] $Force,
  [switch] $SelfTest
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$KitFor = {{whomInPowerShell}}
# As the receiver calls you; manifests name it. Empty in a kit for anybody.
$SenderName = {{senderInPowerShell}}
$Fingerprint = '{{fingerprintHex}}'
$FingerprintAloud = '{{fingerprint}}'
$Modulus = '{{modulus}}'
$Exponent = '{{exponent}}'

$Iterations = 10000
$Flags = '-aes-256-cbc -pbkdf2 -md sha256 -iter 10000'
$Utf8 = [System.Text.UTF8Encoding]::new($false, $true)

function ConvertTo-Hex([byte[]] $Bytes) {
  return ([BitConverter]::ToString($Bytes) -replace '-', '').ToLowerInvariant()
}

function New-RandomBytes([int] $Count) {
  $bytes = [byte[]]::new($Count)
  $generator = [System.Security.Cryptography.RandomNumberGenerator]::Create()
  try { $generator.GetBytes($bytes) } finally { $generator.Dispose() }
  return , $bytes
}

# RSAES-OAEP with SHA-256. On .NET Framework only RSACng can do it; PowerShell 7 has it in every RSA.
function Protect-KeyFile([byte[]] $KeyFile) {
  if ($PSVersionTable.PSVersion.Major -ge 6) {
    $rsa = [System.Security.Cryptography.RSA]::Create()
  } else {
    $rsa = New-Object System.Security.Cryptography.RSACng
  }
  try {
    $parameters = New-Object System.Security.Cryptography.RSAParameters
    $parameters.Modulus = [Convert]::FromBase64String($Modulus)
    $parameters.Exponent = [Convert]::FromBase64String($Exponent)
    $rsa.ImportParameters($parameters)
    return , $rsa.Encrypt($KeyFile, [System.Security.Cryptography.RSAEncryptionPadding]::OaepSHA256)
  } finally { $rsa.Dispose() }
}

# PBKDF2 with HMAC-SHA256 (RFC 8018, section 5.2), two blocks of 32 bytes: 32 for the key, 16 for the IV, as openssl enc does.
function Get-KeyAndIvSlowly([byte[]] $Passphrase, [byte[]] $Salt) {
  $hmac = [System.Security.Cryptography.HMACSHA256]::new($Passphrase)
  $derived = [byte[]]::new(64)
  try {
    foreach ($block in 1, 2) {
      $last = $hmac.ComputeHash([byte[]] ($Salt + @(0, 0, 0, $block)))
      $sum = $last.Clone()
      for ($round = 1; $round -lt $Iterations; $round++) {
        $last = $hmac.ComputeHash($last)
        for ($i = 0; $i -lt 32; $i++) { $sum[$i] = $sum[$i] -bxor $last[$i] }
      }
      [Array]::Copy($sum, 0, $derived, 32 * ($block - 1), 32)
    }
  } finally { $hmac.Dispose() }
  return , [byte[]] $derived[0..47]
}

# The class does SHA-256 from .NET Framework 4.7.2 on; before that, the loop above takes a few seconds a file.
function Get-KeyAndIv([byte[]] $Passphrase, [byte[]] $Salt) {
  try {
    $sha256 = [System.Security.Cryptography.HashAlgorithmName]::SHA256
    $derivation = [System.Security.Cryptography.Rfc2898DeriveBytes]::new($Passphrase, $Salt, $Iterations, $sha256)
  } catch {
    return , (Get-KeyAndIvSlowly $Passphrase $Salt)
  }
  try { return , $derivation.GetBytes(48) } finally { $derivation.Dispose() }
}

# The MAC's key binds parameters, name and sender to the payload.
function Get-MacKey([string] $Name, [byte[]] $Passphrase) {
  $context = "sealdrop/v1/mac`n$Flags`n$Name`n"
  if ($SenderName) { $context += "$SenderName`n" }
  $text = [byte[]] ($Utf8.GetBytes($context) + $Passphrase)
  $sha256 = [System.Security.Cryptography.SHA256]::Create()
  try { return , $sha256.ComputeHash($text) } finally { $sha256.Dispose() }
}

# Salted__, the salt, then AES-256-CBC with PKCS#7 padding; all of it passes the MAC on its way into the file.
function Write-Payload([string] $Source, [string] $Target, [byte[]] $Passphrase, [byte[]] $MacKey) {
  $salt = New-RandomBytes 8
  $secret = Get-KeyAndIv $Passphrase $salt
  $aes = [System.Security.Cryptography.Aes]::Create()
  $hmac = [System.Security.Cryptography.HMACSHA256]::new($MacKey)
  $plaintext = [IO.File]::OpenRead($Source)
  $payload = $null
  try {
    $payload = [IO.FileStream]::new($Target, [IO.FileMode]::CreateNew)
    $aes.Mode = [System.Security.Cryptography.CipherMode]::CBC
    $aes.Padding = [System.Security.Cryptography.PaddingMode]::PKCS7
    $encryptor = $aes.CreateEncryptor([byte[]] $secret[0..31], [byte[]] $secret[32..47])
    $write = [System.Security.Cryptography.CryptoStreamMode]::Write
    $authenticated = [System.Security.Cryptography.CryptoStream]::new($payload, $hmac, $write)
    $header = [byte[]] ($Utf8.GetBytes('Salted__') + $salt)
    $authenticated.Write($header, 0, $header.Length)
    $encrypted = [System.Security.Cryptography.CryptoStream]::new($authenticated, $encryptor, $write)
    $plaintext.CopyTo($encrypted, 1048576)
    $size = $plaintext.Position
    # This finishes the inner stream too.
    $encrypted.FlushFinalBlock()
    $payload.Flush()
    return @{ PlaintextSize = $size; PayloadSize = $payload.Length; Mac = (ConvertTo-Hex $hmac.Hash) }
  } finally {
    if ($payload) { $payload.Dispose() }
    $plaintext.Dispose()
    $hmac.Dispose()
    $aes.Dispose()
  }
}

# Refuses what the receiver would: control characters, text-direction marks, broken surrogates, names that are too long.
function Assert-Name([string] $Name, [string] $Stem) {
  if ($Name.StartsWith('.')) { throw "${Name}: a name that begins with a dot cannot be sent: rename it" }
  if ($Name -cmatch '[/\\\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffd]') {
    throw 'the name of a file holds a backslash or control character: rename it'
  }
  try { $length = $Utf8.GetByteCount("$Stem.keypke.bin.enc") } catch { throw 'the name of a file is not valid Unicode: rename it' }
  if ($length -gt 255) { throw "${Name}: the name is too long: shorten it" }
}

function ConvertTo-JsonText([string] $Text) {
  return '"' + $Text.Replace('"', '\"') + '"'
}

function Format-Manifest([string] $Name, [string] $Stem, $Facts) {
  $lines = @('{', '  "sealdrop": 1,')
  if ($SenderName) { $lines += "  `"sender`": $(ConvertTo-JsonText $SenderName)," }
  $lines += @(
    '  "payload": {', "    `"file`": $(ConvertTo-JsonText "$Stem.enc"),", "    `"size`": $($Facts.PayloadSize)", '  },',
    '  "key": {', "    `"file`": $(ConvertTo-JsonText "$Stem.keypke.bin.enc"),", '    "oaep": "sha256",',
    "    `"publicKeySha256`": `"$Fingerprint`"", '  },',
    '  "parameters": {', '    "cipher": "aes-256-cbc",', '    "kdf": "pbkdf2",', '    "digest": "sha256",',
    "    `"iterations`": $Iterations", '  },',
    '  "mac": {', '    "algorithm": "hmac-sha256",', "    `"value`": `"$($Facts.Mac)`"", '  },',
    '  "plaintext": {', "    `"name`": $(ConvertTo-JsonText $Name),", "    `"size`": $($Facts.PlaintextSize)", '  }', '}', ''
  )
  return $lines -join "`n"
}

# All parts of an envelope into an empty directory, named by their endings.
function Write-Members([string] $Source, [string] $Name, [string] $Stem, [string] $Staging) {
  $passphrase = $Utf8.GetBytes([Convert]::ToBase64String((New-RandomBytes 32)))
  $wrapped = Protect-KeyFile ([byte[]] ($passphrase + @(10)))
  $macKey = Get-MacKey $Name $passphrase
  $facts = Write-Payload $Source (Join-Path $Staging 'payload') $passphrase $macKey
  [IO.File]::WriteAllBytes((Join-Path $Staging 'key'), $wrapped)
  [IO.File]::WriteAllText((Join-Path $Staging 'note'), "openssl enc $Flags`noaep: sha256`n", $Utf8)
  [IO.File]::WriteAllText((Join-Path $Staging 'manifest'), (Format-Manifest $Name $Stem $facts), $Utf8)
}

# Into place, the manifest last: with it the envelope counts as complete. What fails leaves nothing behind.
function Publish-Members([string] $Staging, [string] $Target) {
  $endings = @(@('payload', '.enc'), @('key', '.keypke.bin.enc'), @('note', '.alg'), @('manifest', '.manifest.json'))
  foreach ($ending in '.manifest.json', '.enc', '.keypke.bin.enc', '.key.bin.enc', '.alg') {
    if (-not [IO.File]::Exists($Target + $ending)) { continue }
    if (-not $Force) { throw "$Target$ending exists already: move it away, or replace it with -Force" }
    [IO.File]::Delete($Target + $ending)
  }
  $published = @()
  try {
    foreach ($member in $endings) {
      [IO.File]::Move((Join-Path $Staging $member[0]), $Target + $member[1])
      $published += $Target + $member[1]
    }
  } finally {
    if ($published.Count -lt $endings.Count) { foreach ($made in $published) { [IO.File]::Delete($made) } }
  }
}

function Protect-File([string] $Source, [string] $Directory) {
  $name = [IO.Path]::GetFileName($Source)
  $stem = $name
  # Such a name with .enc is that of a wrapped key; the manifest keeps the true one.
  if ($name -cmatch '(^|\.)(key|key\.bin|keypke\.bin)$') { $stem = "$name.data" }
  Assert-Name $name $stem
  $staging = Join-Path $Directory ('.sealdrop.' + (ConvertTo-Hex (New-RandomBytes 6)))
  [void] [IO.Directory]::CreateDirectory($staging)
  try {
    Write-Members $Source $name $stem $staging
    Publish-Members $staging (Join-Path $Directory $stem)
  } finally { [IO.Directory]::Delete($staging, $true) }
  return Join-Path $Directory $stem
}

# Known answers: HMAC-SHA256 of RFC 4231 (case 2), PBKDF2 both ways, and that a payload opens again.
function Test-Kit([string] $Directory) {
  $hmac = [System.Security.Cryptography.HMACSHA256]::new($Utf8.GetBytes('Jefe'))
  $answer = ConvertTo-Hex ($hmac.ComputeHash($Utf8.GetBytes('what do ya want for nothing?')))
  if (-not $answer.StartsWith('5bdcc146bf60754e6a042426089575c7')) { throw 'HMAC-SHA256 gives a wrong answer' }
  $passphrase = $Utf8.GetBytes('passphrase of the self-test')
  $salt = [byte[]] @(1, 2, 3, 4, 5, 6, 7, 8)
  if ((ConvertTo-Hex (Get-KeyAndIv $passphrase $salt)) -ne (ConvertTo-Hex (Get-KeyAndIvSlowly $passphrase $salt))) {
    throw 'PBKDF2 gives two answers'
  }
  $sample = Join-Path $Directory 'sample.txt'
  [IO.File]::WriteAllText($sample, ('sample ' * 5000), $Utf8)
  $target = Protect-File $sample $Directory
  foreach ($ending in '.enc', '.keypke.bin.enc', '.alg', '.manifest.json') {
    if (-not [IO.File]::Exists($target + $ending)) { throw "no $ending was written" }
  }
  $facts = Write-Payload $sample (Join-Path $Directory 'again') $passphrase (Get-MacKey 'sample.txt' $passphrase)
  $payload = [IO.File]::ReadAllBytes((Join-Path $Directory 'again'))
  $secret = Get-KeyAndIv $passphrase ([byte[]] $payload[8..15])
  $aes = [System.Security.Cryptography.Aes]::Create()
  $decryptor = $aes.CreateDecryptor([byte[]] $secret[0..31], [byte[]] $secret[32..47])
  $plaintext = $Utf8.GetString($decryptor.TransformFinalBlock($payload, 16, $payload.Length - 16))
  if ($plaintext -cne ('sample ' * 5000)) { throw 'the payload does not open again' }
  $hmac = [System.Security.Cryptography.HMACSHA256]::new((Get-MacKey 'sample.txt' $passphrase))
  if ((ConvertTo-Hex ($hmac.ComputeHash($payload))) -ne $facts.Mac) { throw 'the MAC is not that of the payload' }
}

if ($SelfTest) {
  $directory = Join-Path ([IO.Path]::GetTempPath()) ('sealdrop-' + (ConvertTo-Hex (New-RandomBytes 6)))
  [void] [IO.Directory]::CreateDirectory($directory)
  try { Test-Kit $directory } finally { [IO.Directory]::Delete($directory, $true) }
  Write-Output "All is well here (PowerShell $($PSVersionTable.PSVersion)). Fingerprint of the public key: $FingerprintAloud"
  Write-Output 'Only the receiver can tell that it opens: send a small file first, and ask.'
  exit 0
}
if ($Path.Count -eq 0) {
  Write-Output "Kit for $KitFor. Usage: encrypt.ps1 [-OutputDirectory DIR] [-Force] FILE...   or   encrypt.ps1 -SelfTest"
  exit 64
}
foreach ($file in $Path) {
  # .NET has another current directory than PowerShell: only whole paths mean the same to both.
  $source = (Resolve-Path -LiteralPath $file).ProviderPath
  if (-not [IO.File]::Exists($source)) { throw "${file}: is not a file; pack a folder first" }
  $directory = [IO.Path]::GetDirectoryName($source)
  if ($OutputDirectory) { $directory = (Resolve-Path -LiteralPath $OutputDirectory).ProviderPath }
  $target = Protect-File $source $directory
  Write-Output "$file -> $target.enc, .keypke.bin.enc, .alg and .manifest.json"
}
