#!/usr/bin/env bash
# Installs the servers that the tests start (MariaDB alone and as a Galera cluster, PostgreSQL, Redis) from Debian, those
# that are missing.
# Only the programs are wanted: their services are neither started nor enabled to disturb anybody.
set -euo pipefail

has() {
  local found
  found=$(PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$1" || compgen -G "/usr/lib/postgresql/*/bin/$1" || true)
  [ -n "$found" ]
}

packages=()
has mariadbd || packages+=(mariadb-server)
# Debian's mariadb-server brings both; another MariaDB may not.
[ -e /usr/lib/galera/libgalera_smm.so ] || packages+=(galera-4)
has rsync || packages+=(rsync)
has initdb || packages+=(postgresql)
has redis-server || packages+=(redis-server)
[ ${#packages[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "install ${packages[*]}, or set TERCET_TEST_MYSQL_URL, TERCET_TEST_POSTGRES_URL and TERCET_TEST_REDIS_URL" >&2
  exit 1
fi

# Debian asks this file whether a package may start its service; 101 means no.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${packages[@]}"
