#!/bin/sh
# Installs, uses and purges the package for real, on a throw-away overlay of this host's own root: nothing of it is left behind.
# Usage: unshare --mount --pid --fork sh install.sh PACKAGE.deb (as root)
set -eu
package=$(realpath "$1")
mount --make-rprivate /
scratch=$(mktemp -d)
mount -t tmpfs tmpfs "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
# Its own processes only: a user can be deleted while others of the same number run on the host.
mount -t proc proc "$scratch/root/proc"
mount --rbind /dev "$scratch/root/dev"
cp "$package" "$scratch/root/package.deb"

cat > "$scratch/root/inside.sh" <<'END'
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
say() { echo "== $*"; }

say 'dpkg installs it'
dpkg -i /package.deb > /dpkg.log 2>&1 || { cat /dpkg.log; exit 1; }
getent passwd sealdrop | cut -d: -f1,6,7
stat -c '%U:%G %a %n' /etc/sealdrop /etc/sealdrop/sealdropd.yaml /var/lib/sealdrop/spool /var/lib/sealdrop/incoming/example

say 'both programs run on their own Node.js'
sealdrop --version
sealdropd --version

say 'sealdropd check finds the default configuration good, all but the key'
runuser -u sealdrop -- sealdropd check --config /etc/sealdrop/sealdropd.yaml > /check.log 2>&1 || echo "status $?"
grep -c region /check.log

say 'as a service with a local key, it delivers what openssl made'
cd /tmp
openssl genrsa -out /etc/sealdrop/key.pem 2048 2> /dev/null
chown sealdrop: /etc/sealdrop/key.pem
chmod 0400 /etc/sealdrop/key.pem
sed -i 's|aws-kms:alias/inbound|file:/etc/sealdrop/key.pem|' /etc/sealdrop/sealdropd.yaml
runuser -u sealdrop -- sealdropd check --config /etc/sealdrop/sealdropd.yaml > /check.log 2>&1 || { cat /check.log; exit 1; }
runuser -u sealdrop -- sealdropd run --config /etc/sealdrop/sealdropd.yaml > /daemon.log 2>&1 &
openssl pkey -in /etc/sealdrop/key.pem -pubout -out public.pem
echo 'amount' > file.csv
openssl rand -base64 32 > key.bin
openssl pkeyutl -encrypt -pubin -inkey public.pem -in key.bin -out file.csv.keypke.bin.enc \
  -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256
openssl enc -aes-256-cbc -pbkdf2 -pass file:key.bin -in file.csv -out file.csv.enc
echo '-aes-256-cbc -pbkdf2' > file.csv.alg
cp file.csv.enc file.csv.keypke.bin.enc file.csv.alg /var/lib/sealdrop/incoming/example
tries=0
until [ -e /var/lib/sealdrop/plain/example/file.csv ]; do
  tries=$((tries + 1))
  [ $tries -lt 300 ] || { cat /daemon.log; exit 1; }
  sleep 0.1
done
pkill -TERM -u sealdrop -f sealdropd.js
wait
cat /var/lib/sealdrop/plain/example/file.csv

say 'threads work from the bundle, and so does the kit'
truncate -s 40M large
sealdrop encrypt large --public-key public.pem --quiet
mv large large.original
sealdrop decrypt large --key file:/etc/sealdrop/key.pem --quiet
cmp large large.original
sealdrop kit --public-key public.pem --sender example --out kit --quiet
ls kit

say 'purge removes all but what may hold envelopes'
dpkg --purge sealdrop > /dpkg.log 2>&1 || { cat /dpkg.log; exit 1; }
for path in /usr/bin/sealdrop /usr/lib/sealdrop /etc/sealdrop/sealdropd.yaml; do
  [ ! -e "$path" ] || { echo "$path is left"; exit 1; }
done
getent passwd sealdrop || echo 'no user'
cat /var/lib/sealdrop/plain/example/file.csv
END
chroot "$scratch/root" sh /inside.sh
