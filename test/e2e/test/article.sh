#!/bin/sh
# The article, step by step, with nothing but openssl and aws, and with Sealdrop in the place of either side.
#
# Usage: article.sh DIRECTORY. Environment: AWS (the aws command with its endpoint), SEALDROP (the sealdrop command),
# and AWS's own variables. Prints a line a step; ends with 0 only if every plaintext is the original.
set -eu
cd "$1"

say() { echo "== $*"; }
same() { cmp "$1" payroll.csv && echo "   $1 is the original"; }

say 'Step 1 (receiver): an RSA key in KMS that never leaves it'
key_id=$($AWS kms create-key --key-spec RSA_2048 --key-usage ENCRYPT_DECRYPT --query KeyMetadata.KeyId --output text)
$AWS kms create-alias --alias-name alias/article --target-key-id "$key_id"

say 'Step 2 (receiver): its public half, as DER and PEM'
$AWS kms get-public-key --key-id alias/article --query PublicKey --output text | openssl base64 -d -A > public.der
openssl pkey -pubin -inform DER -in public.der -out public.pem
$SEALDROP public-key --key alias/article --output ours.pem --quiet
cmp public.pem ours.pem && echo '   sealdrop public-key gives the same PEM'

say 'Step 3 (sender): a random key file'
openssl rand -base64 32 > key.bin

say 'Step 4 (sender): wrap it, with rsautl (SHA-1) and with pkeyutl (SHA-256)'
openssl rsautl -encrypt -oaep -pubin -inkey public.pem -in key.bin -out key.bin.enc 2> rsautl.log
openssl pkeyutl -encrypt -pubin -inkey public.pem -in key.bin -out keypke.bin.enc \
  -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256

say 'Step 5 (sender): encrypt the file and say how'
openssl enc -aes-256-cbc -pbkdf2 -in payroll.csv -out payroll.csv.enc -pass file:key.bin
echo 'AES-256-CBC with -aes-256-cbc flag' > algorithm.txt

# What arrives: the triple, once for each way of wrapping.
mkdir sha1 sha256
cp payroll.csv.enc key.bin.enc algorithm.txt sha1
cp payroll.csv.enc keypke.bin.enc algorithm.txt sha256

# unwrap WRAPPED ALGORITHM KEYFILE
unwrap() {
  $AWS kms decrypt --key-id alias/article --ciphertext-blob "fileb://$1" --encryption-algorithm "$2" \
    --query Plaintext --output text | openssl base64 -d -A > "$3"
}

say 'Step 6 (receiver): KMS unwraps the key file'
unwrap sha1/key.bin.enc RSAES_OAEP_SHA_1 sha1.key
unwrap sha256/keypke.bin.enc RSAES_OAEP_SHA_256 sha256.key
cmp sha1.key key.bin
cmp sha256.key key.bin

say 'Step 7 (receiver): openssl decrypts the file'
openssl enc -d -aes-256-cbc -pbkdf2 -in payroll.csv.enc -out by-openssl.csv -pass file:sha256.key
same by-openssl.csv

say 'Sealdrop as the receiver of what openssl made'
$SEALDROP decrypt sha1 sha256/algorithm.txt --key alias/article --output - --quiet > twice.csv 2> twice.log && {
  echo 'two plaintexts were joined into one stream' >&2
  exit 1
}
$SEALDROP decrypt sha1 --key alias/article --output by-sealdrop-sha1.csv --quiet
$SEALDROP decrypt sha256 --key alias/article --output - --quiet > by-sealdrop-sha256.csv
same by-sealdrop-sha1.csv
same by-sealdrop-sha256.csv

for oaep in sha1 sha256; do
  say "Sealdrop as the sender ($oaep): steps 6 and 7 of the article open it unchanged"
  mkdir "from-sealdrop-$oaep"
  $SEALDROP encrypt payroll.csv --public-key public.pem --oaep "$oaep" --output-dir "from-sealdrop-$oaep" --quiet
  wrapped=$(ls "from-sealdrop-$oaep"/*key*.enc)
  unwrap "$wrapped" "RSAES_OAEP_SHA_${oaep#sha}" "from-sealdrop-$oaep.key"
  openssl enc -d -aes-256-cbc -pbkdf2 -in "from-sealdrop-$oaep/payroll.csv.enc" -out "from-sealdrop-$oaep.csv" \
    -pass "file:from-sealdrop-$oaep.key"
  same "from-sealdrop-$oaep.csv"
  say "Sealdrop on both sides ($oaep)"
  $SEALDROP decrypt "from-sealdrop-$oaep" --key alias/article --output "both-$oaep.csv" --quiet
  same "both-$oaep.csv"
done

say 'The MAC of the manifest, by stock openssl alone'
manifest=from-sealdrop-sha256/payroll.csv.manifest.json
flags=$($SEALDROP inspect from-sealdrop-sha256 --json | sed -n 's/.*"flags": *"\([^"]*\)".*/\1/p')
mac_key=$({ printf 'sealdrop/v1/mac\n%s\n%s\n' "$flags" payroll.csv; head -n 1 from-sealdrop-sha256.key | tr -d '\n'; } |
  openssl dgst -sha256 -r | cut -d ' ' -f 1)
mac=$(openssl dgst -sha256 -mac HMAC -macopt "hexkey:$mac_key" -r from-sealdrop-sha256/payroll.csv.enc | cut -d ' ' -f 1)
grep -q "\"value\": \"$mac\"" "$manifest" && echo '   it is the one in the manifest'

say 'Done'
