#!/bin/sh
# Makes a bare clone ready: `sh tools/ready.sh` installs the npm packages where they are missing or out of date;
# `sh tools/ready.sh test` also the Debian packages that the tests drive. Safe to run any number of times.
set -eu
cd "$(dirname "$0")/.."

# Programs that tests run for real, with the Debian package each comes from.
DEBIAN_PROGRAMS='/usr/bin/openssl:openssl /usr/bin/aws:awscli /usr/bin/script:bsdutils /usr/bin/cksum:coreutils
  /usr/bin/shellcheck:shellcheck /usr/bin/busybox:busybox /usr/bin/dash:dash /usr/bin/chromium:chromium
  /usr/bin/python3:python3 /usr/bin/systemd-notify:systemd /usr/bin/strip:binutils /usr/sbin/adduser:adduser
  /usr/sbin/sshd:openssh-server /usr/bin/sftp:openssh-client /usr/bin/xxd:xxd'

install_npm_packages() {
  # npm writes this file last; it is older than the lock file after a pull that changed dependencies.
  installed=node_modules/.package-lock.json
  if [ -x node_modules/.bin/node ] && [ -n "$(find "$installed" -newer package-lock.json 2>/dev/null)" ]; then return; fi
  echo 'sealdrop: installing npm packages (npm ci)' >&2
  npm ci --no-audit --no-fund --loglevel=error >&2
}

missing_debian_packages() {
  for entry in $DEBIAN_PROGRAMS; do
    [ -x "${entry%%:*}" ] || echo "${entry##*:}"
  done
}

install_debian_packages() {
  packages=$(missing_debian_packages | tr '\n' ' ')
  [ -n "${packages% }" ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "sealdrop: the tests need: ${packages}- install them first: apt-get install ${packages}" >&2
    exit 69
  fi
  echo "sealdrop: installing Debian packages: ${packages}" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2
  # shellcheck disable=SC2086 # a list of words
  apt-get install -y -qq --no-install-recommends $packages >/dev/null
}

install_npm_packages
if [ "${1:-}" = test ]; then install_debian_packages; fi
