#!/bin/sh
# Encrypts files so that only the receiver can read them. Needs nothing but openssl and the usual Unix tools.
#
#   ./encrypt.sh --self-test
#   ./encrypt.sh report.csv
#
# {{title}}
# SHA-256 fingerprint of the receiver's public key; compare it with the receiver over the phone before first use:
#   {{fingerprint}}
#
# For each FILE it does what README.txt shows by hand: a random key file, the file encrypted under it (FILE.enc), the
# key file wrapped with the public key (FILE.keypke.bin.enc), a note of the algorithms (FILE.alg); and it adds a manifest
# (FILE.manifest.json) that lets the receiver see at once that everything has arrived, and unchanged.
set -eu
LC_ALL=C
export LC_ALL

# As the receiver calls you; manifests name it. Empty in a kit for anybody.
SENDER={{senderInShell}}
FINGERPRINT='{{fingerprintHex}}'
FINGERPRINT_ALOUD='{{fingerprint}}'
WRAPPED_KEY_SIZE={{wrappedKeySize}}
UPLOAD_EXAMPLE='{{uploadDestination}}'

openssl=${OPENSSL:-openssl}
secrets=
staging=
published_payload=
published_key=
published_note=

print_public_key() {
  cat <<'PEM'
{{publicKeyPem}}
PEM
}

print_help() {
  cat <<HELP
Usage: ./encrypt.sh [options] FILE...
       ./encrypt.sh --self-test

Encrypts each FILE for the receiver. The results appear beside FILE: send all of them.
{{title}}. Fingerprint (SHA-256) of the receiver's public key:
  $FINGERPRINT_ALOUD

Options, before the files:
  -o, --output-dir DIR     where the results go
  -f, --force              replace earlier results of the same name
      --upload DESTINATION send the results with sftp afterwards, like $UPLOAD_EXAMPLE
      --sftp-options WORDS options for sftp, like "-P 2222 -i id_ed25519"
      --self-test          try everything that can be tried without the receiver
  -h, --help               this text

The environment variable OPENSSL names another openssl program.
Exit status: 0 done, 64 wrong usage, 65 a file that cannot be sent, 66 no such file, 69 openssl or sftp failed,
73 the results cannot be written.
HELP
}

say() { printf '%s\n' "$*" >&2; }

die() { # exit status, words...
  status=$1
  shift
  say "encrypt.sh: $*"
  exit "$status"
}

# Whatever ends the script: no key stays behind, and no part of an envelope that did not become whole.
clean_up() {
  for path in "$published_payload" "$published_key" "$published_note"; do
    [ -z "$path" ] || rm -f "$path"
  done
  [ -z "$staging" ] || rm -rf "$staging"
  [ -z "$secrets" ] || rm -rf "$secrets"
}

prepare() {
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  command -v "$openssl" >/dev/null 2>&1 || die 69 "$openssl is not installed, or not found in PATH"
  secrets=$(mktemp -d "${TMPDIR:-/tmp}/sealdrop.XXXXXX") || die 73 'cannot make a temporary directory'
  print_public_key >"$secrets/public.pem"
  actual=$("$openssl" pkey -pubin -in "$secrets/public.pem" -outform DER | sha256)
  [ "$actual" = "$FINGERPRINT" ] || die 69 'the public key in this script is damaged: ask for the kit once more'
  choose_key_derivation
  choose_oaep
}

# Options are tried out, not told from version numbers: LibreSSL and patched builds count their own way.
choose_key_derivation() {
  derivation=pbkdf2
  flags='-aes-256-cbc -pbkdf2 -md sha256 -iter 10000'
  new_key_file
  if encrypt_with_key_file </dev/null >/dev/null 2>&1; then return; fi
  # OpenSSL 1.0.2, LibreSSL 2.8. Iterations slow the guessing of passwords; nobody guesses 256 random bits.
  derivation=evp-bytes-to-key
  flags='-aes-256-cbc -md sha256'
  encrypt_with_key_file </dev/null >/dev/null 2>&1 || die 69 "$openssl cannot encrypt with: enc $flags"
}

choose_oaep() {
  oaep=sha256
  key_ending=.keypke.bin.enc
  if wrap_key_file >/dev/null 2>&1; then return; fi
  # LibreSSL 2.8 knows no other hash than SHA-1, which is safe in OAEP.
  oaep=sha1
  key_ending=.key.bin.enc
  wrap_key_file >/dev/null 2>&1 || die 69 "$openssl cannot wrap a key with RSA-OAEP"
}

new_key_file() { (umask 077 && "$openssl" rand -base64 32 >"$secrets/key.bin"); }

encrypt_with_key_file() {
  # shellcheck disable=SC2086 # flags are words
  "$openssl" enc $flags -pass "file:$secrets/key.bin"
}

wrap_key_file() {
  set -- -pkeyopt rsa_padding_mode:oaep
  [ "$oaep" = sha1 ] || set -- "$@" -pkeyopt "rsa_oaep_md:$oaep"
  "$openssl" pkeyutl -encrypt -pubin -inkey "$secrets/public.pem" -in "$secrets/key.bin" "$@"
}

size_of() { echo $(($(wc -c <"$1"))); }

# Standard input's digest in hexadecimal.
sha256() { "$openssl" dgst -sha256 | sed 's/.*= *//'; }

# The MAC's key in hexadecimal: it binds parameters, name and sender to the payload.
mac_key() {
  {
    printf 'sealdrop/v1/mac\n%s\n%s\n' "$flags" "$1"
    [ -z "$SENDER" ] || printf '%s\n' "$SENDER"
    tr -d '\n' <"$secrets/key.bin"
  } | sha256
}

# RFC 2104, section 2: the key (hexadecimal), filled with zeros to a block of 64 bytes, each XOR a byte.
hmac_block() {
  rest=$1
  count=0
  while [ "$count" -lt 64 ]; do
    byte=0
    if [ -n "$rest" ]; then byte=0x${rest%"${rest#??}"}; fi
    rest=${rest#??}
    # shellcheck disable=SC2059 # the format is the byte
    printf "\\$(printf %03o "$((byte ^ $2))")"
    count=$((count + 1))
  done
}

# Not by openssl's own -macopt: as a program's argument, any user of this machine could see the key.
hmac_sha256() { # key in hexadecimal, file
  { hmac_block "$1" 54 && cat "$2"; } | "$openssl" dgst -sha256 -binary >"$secrets/inner"
  { hmac_block "$1" 92 && cat "$secrets/inner"; } | sha256
}

# Refuses what the receiver would: names that are not UTF-8, hold control characters or text-direction marks, or are too long.
check_name() {
  name_in_words=$1
  # shellcheck disable=SC2046 # a word for each byte
  set -- $(printf '%s' "$1" | od -An -v -tx1)
  hex=" $*"
  case $hex in
    ' 2e'*) die 65 "$name_in_words: a name that begins with a dot cannot be sent: rename it" ;;
    *' '[01]?* | *' 7f'* | *' 5c'* | *' c2 '[89]?* | *' d8 9c'* | *' e2 80 8'[ef]* | *' e2 80 a'[89a-e]* | *' e2 81 a'[6-9]* | *' ef bf bd'*)
      die 65 'the name of a file holds a backslash or control character: rename it' ;;
  esac
  # The Unicode Standard, table 3-7: what is left after all well-formed sequences is none.
  rest=$(printf '%s' "$hex" | sed -e 's/ [0-7]./+/g' -e 's/ f0 [9ab]. [89ab]. [89ab]./+/g' \
    -e 's/ f[1-3] [89ab]. [89ab]. [89ab]./+/g' -e 's/ f4 8. [89ab]. [89ab]./+/g' \
    -e 's/ e0 [ab]. [89ab]./+/g' -e 's/ ed [89]. [89ab]./+/g' -e 's/ e[1-9a-cef] [89ab]. [89ab]./+/g' \
    -e 's/ c[2-9a-f] [89ab]./+/g' -e 's/ d. [89ab]./+/g')
  case $rest in *' '*) die 65 'the name of a file is not UTF-8: rename it' ;; esac
  [ $(($# + ${#stem} - ${#name} + ${#key_ending})) -le 255 ] || die 65 "$name_in_words: the name is too long: shorten it"
}

# A name in JSON: after check_name only the quotation mark is special.
json() { printf '%s' "$1" | sed 's/"/\\"/g'; }

write_manifest() {
  iterations=
  [ "$derivation" != pbkdf2 ] || iterations=',
    "iterations": 10000'
  sender=
  [ -z "$SENDER" ] || sender='
  "sender": "'$SENDER'",'
  mac=$(hmac_sha256 "$(mac_key "$name")" "$staging/payload")
  [ ${#mac} -eq 64 ] || die 69 "$openssl did not make a digest"
  cat >"$staging/manifest" <<MANIFEST
{
  "sealdrop": 1,$sender
  "payload": {
    "file": "$(json "$stem.enc")",
    "size": $payload_size
  },
  "key": {
    "file": "$(json "$stem$key_ending")",
    "oaep": "$oaep",
    "publicKeySha256": "$FINGERPRINT"
  },
  "parameters": {
    "cipher": "aes-256-cbc",
    "kdf": "$derivation",
    "digest": "sha256"$iterations
  },
  "mac": {
    "algorithm": "hmac-sha256",
    "value": "$mac"
  },
  "plaintext": {
    "name": "$(json "$name")",
    "size": $plaintext_size
  }
}
MANIFEST
}

# All parts of an envelope, in the staging directory.
write_members() {
  new_key_file
  plaintext_size=$(size_of "$file")
  encrypt_with_key_file <"$file" >"$staging/payload" 2>"$secrets/errors" ||
    die 69 "$file: openssl failed: $(cat "$secrets/errors")"
  payload_size=$(size_of "$staging/payload")
  # Salted__ and salt, then whole blocks of 16 bytes, of which the last is filled up.
  [ "$payload_size" -eq $((32 + plaintext_size - plaintext_size % 16)) ] || die 65 "$file: changed while it was read"
  wrap_key_file >"$staging/key" || die 69 "$file: openssl could not wrap the key"
  [ "$(size_of "$staging/key")" -eq "$WRAPPED_KEY_SIZE" ] || die 69 "$file: openssl did not wrap the key"
  printf 'openssl enc %s\noaep: %s\n' "$flags" "$oaep" >"$staging/note"
  write_manifest
}

# Never over another file: a link fails where the name is taken. File systems without links get a rename.
publish() {
  if ln "$1" "$2" 2>/dev/null; then
    rm -f "$1"
  elif [ -e "$2" ] || ! mv "$1" "$2"; then
    die 73 "$2: cannot be made"
  fi
}

# The manifest comes last: with it the envelope counts as complete.
publish_members() {
  publish "$staging/payload" "$target.enc"
  published_payload=$target.enc
  publish "$staging/key" "$target$key_ending"
  published_key=$target$key_ending
  publish "$staging/note" "$target.alg"
  published_note=$target.alg
  publish "$staging/manifest" "$target.manifest.json"
  published_payload='' published_key='' published_note=''
}

make_room() {
  for ending in .manifest.json .enc .keypke.bin.enc .key.bin.enc .alg; do
    if [ "$force" = yes ]; then
      rm -f "$target$ending"
    elif [ -e "$target$ending" ]; then
      die 73 "$target$ending exists already: move it away, or replace it with --force"
    fi
  done
}

encrypt_file() {
  file=$1
  [ -e "$file" ] || die 66 "$file: no such file (options stand before the files)"
  [ -f "$file" ] || die 65 "$file: is not a file; pack a folder first: tar -cf folder.tar folder"
  [ -r "$file" ] || die 66 "$file: may not be read"
  name=${file##*/}
  stem=$name
  # Such a name with .enc is that of a wrapped key; the manifest keeps the true one.
  case $name in key | key.bin | keypke.bin | *.key | *.key.bin | *.keypke.bin) stem=$name.data ;; esac
  check_name "$name"
  directory=$output_directory
  if [ -z "$directory" ]; then
    case $file in */*) directory=${file%/*}/ ;; *) directory=. ;; esac
  fi
  case $directory in -*) directory=./$directory ;; esac
  target=${directory%/}/$stem
  make_room
  staging=$(mktemp -d "${directory%/}/.sealdrop.XXXXXX") || die 73 "$directory: cannot write there; name another --output-dir"
  write_members
  publish_members
  rm -rf "$staging"
  staging=
  say "$file -> $target.enc $target$key_ending $target.alg $target.manifest.json"
}

sftp_word() { printf '"%s"' "$(json "$1")"; }

# Under names that no receiver takes in, then renamed; the manifest last.
upload_envelope() {
  part=.sealdrop-$("$openssl" rand -hex 8)
  members="payload:.enc key:$key_ending note:.alg manifest:.manifest.json"
  {
    for member in $members; do
      printf 'put %s %s\n' "$(sftp_word "./$stem${member#*:}")" "$part.${member%%:*}.part"
    done
    for member in $members; do
      printf 'rename -l %s %s\n' "$part.${member%%:*}.part" "$(sftp_word "$stem${member#*:}")"
    done
  } >"$secrets/upload"
  # Batch mode would forbid to ask for a password. sftp options are words.
  # shellcheck disable=SC2086
  (cd "${target%/*}/" && sftp -o BatchMode=no $sftp_options -b "$secrets/upload" -- "$destination" >/dev/null) ||
    die 69 "$file: sending failed; the results are in ${target%/*}/"
  say "$file: sent to $destination"
}

report() { # what, then the command that must succeed
  what=$1
  shift
  if "$@" >/dev/null 2>&1; then say "ok      $what"; else
    say "FAILED  $what"
    failures=$((failures + 1))
  fi
}

decrypts_to_sample() {
  # shellcheck disable=SC2086 # flags are words
  "$openssl" enc -d $flags -in "$secrets/out/sample.txt.enc" -out "$secrets/again" -pass "file:$secrets/key.bin" &&
    cmp "$secrets/again" "$secrets/sample.txt"
}

mac_is_openssls() {
  key=$(mac_key sample.txt)
  payload=$secrets/out/sample.txt.enc
  expected=$("$openssl" dgst -sha256 -mac HMAC -macopt "hexkey:$key" "$payload" | sed 's/.*= *//')
  [ "$(hmac_sha256 "$key" "$payload")" = "$expected" ] && grep "\"$expected\"" "$secrets/out/sample.txt.manifest.json"
}

self_test() {
  say "$("$openssl" version)"
  say "ok      the public key is whole: $FINGERPRINT_ALOUD"
  failures=0
  awk 'BEGIN { for (i = 1; i <= 5000; i++) print "line " i " of the sample" }' >"$secrets/sample.txt"
  mkdir "$secrets/out"
  output_directory=$secrets/out
  encrypt_file "$secrets/sample.txt" 2>/dev/null
  report "encrypts with: openssl enc $flags" decrypts_to_sample
  report "wraps the key with RSA-OAEP, $oaep" [ -s "$secrets/out/sample.txt$key_ending" ]
  report 'makes the MAC as openssl itself does' mac_is_openssls
  report 'leaves the four results and nothing else' [ "$(find "$secrets/out" -type f | wc -l)" -eq 4 ]
  [ "$failures" -eq 0 ] || die 69 'the self-test failed: send these lines to the receiver'
  say 'All is well here. Only the receiver can tell that it opens: send a small file first, and ask.'
}

output_directory=
force=no
destination=
sftp_options=
task=encrypt
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) print_help && exit 0 ;;
    -o | --output-dir | --upload | --sftp-options)
      [ $# -ge 2 ] || die 64 "$1 wants a value: see --help"
      case $1 in
        --upload) destination=$2 ;;
        --sftp-options) sftp_options=$2 ;;
        *) output_directory=$2 ;;
      esac
      shift ;;
    -f | --force) force=yes ;;
    --self-test) task=self-test ;;
    --) shift && break ;;
    -?*) die 64 "unknown option $1: see --help" ;;
    *) break ;;
  esac
  shift
done

[ "$task" = self-test ] || [ $# -gt 0 ] || die 64 'no file is named: see --help'
prepare
if [ "$task" = self-test ]; then
  self_test
  exit 0
fi
for file in "$@"; do
  encrypt_file "$file"
  [ -z "$destination" ] || upload_envelope
done
