#!/usr/bin/env bash
# Make .venv hold exactly what requirements.lock says, each file checked by its hash, and the project itself, editable.
#
#   PYTHON=python3 tools/venv.sh
set -euo pipefail

cd "$(dirname "$(readlink -f "$0")")/.."
[ -x .venv/bin/python ] || "${PYTHON:-python3}" -m venv --clear .venv

# pip installs only uv, as the lock pins it; uv does the rest in seconds.
pinned=$(sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements.lock)
if ! .venv/bin/uv --version 2>/dev/null | grep -q "^uv $pinned\b"; then
    bootstrap=$(mktemp)
    trap 'rm -f "$bootstrap"' EXIT
    sed -n '/^uv==/,/[^\\]$/p' requirements.lock >"$bootstrap"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$bootstrap"
fi
export VIRTUAL_ENV="$PWD/.venv" UV_PYTHON_DOWNLOADS=never
uv=.venv/bin/uv
$uv pip sync --quiet --require-hashes requirements.lock
$uv pip install --quiet --no-deps --no-build-isolation --editable .
