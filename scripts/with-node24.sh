#!/usr/bin/env bash
# `scripts/with-node24.sh command …` runs a command on Node.js 24, which it fetches once, from npm, into dist/.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
home="$root/dist/node24"
# Never a dependency of the workspace: it would take the place of `node` in every npm script.
name="$(node -p '`node-${process.platform}-${process.arch}`')"
bin="$home/node_modules/$name/bin"
if [ ! -x "$bin/node" ]; then
  npm install --prefix "$home" --no-save --no-audit --no-fund --silent "$name@24"
fi
export PATH="$bin:$PATH"
echo "Node.js $(node --version), SQLite $(node -p 'process.versions.sqlite') built in" >&2
exec "$@"
