#!/usr/bin/env bash
# Fail for a source file of more than 400 lines that no record in docs/decisions names.
set -euo pipefail

cd "$(dirname "$(readlink -f "$0")")/.."
status=0
while read -r lines path; do
    if [ "$lines" -gt 400 ] && ! grep -rqF "$path" docs/decisions; then
        echo "$path: $lines lines, the limit is 400: split it, or say in docs/decisions why not"
        status=1
    fi
done < <(find -- * -name build -prune -o -type f \( -name '*.py' -o -name '*.c' -o -name '*.sh' \) -exec wc -l {} \;)
exit $status
