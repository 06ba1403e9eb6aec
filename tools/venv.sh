#!/usr/bin/env bash
# Make .venv hold exactly what requirements.lock says, each file checked by its hash, and the project itself, editable.
#
#   PYTHON=python3 tools/venv.sh
set -euo pipefail

cd "$(dirname "$(readlink -f "$0")")/.."
step() { echo "set-up: $*"; }

if [ ! -x .venv/bin/python ]; then
    step "making .venv with $("${PYTHON:-python3}" --version)"
    "${PYTHON:-python3}" -m venv --clear .venv
fi

# pip installs only uv, as the lock pins it; uv does the rest in seconds.
pinned=$(sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements.lock)
if ! .venv/bin/uv --version 2>/dev/null | grep -q "^uv $pinned\b"; then
    step "installing uv $pinned with pip"
    bootstrap=$(mktemp)
    trap 'rm -f "$bootstrap"' EXIT
    sed -n '/^uv==/,/[^\\]$/p' requirements.lock >"$bootstrap"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$bootstrap"
fi
export VIRTUAL_ENV="$PWD/.venv" UV_PYTHON_DOWNLOADS=never
# A site's own authorities, which pip is told of in /etc/pip.conf; a bare machine has no file of authorities at all.
[ ! -s /etc/ssl/certs/ca-certificates.crt ] || export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"
uv=.venv/bin/uv
step "installing the $(grep -c '^[a-z].*==' requirements.lock) packages of requirements.lock with uv"
$uv pip sync --quiet --require-hashes requirements.lock
step "installing podberth itself, editable"
$uv pip install --quiet --no-deps --no-build-isolation --editable .
