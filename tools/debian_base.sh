#!/usr/bin/env bash
# A bare Debian 12, as a tar of its root folder, from the mirror that apt uses here. It is made once and cached.
#
#   tools/debian_base.sh             make it if it is not there; print the path of the tar
#   tools/debian_base.sh sources     print apt's sources of Debian 12 here, as lines of a sources.list
#   tools/debian_base.sh settings    print apt's settings of the way to its mirrors here (proxies and the like)
#
# The tar names no mirror: its /etc/apt/sources.list is empty. Put the output of `sources` there.
set -euo pipefail

suite=bookworm

# One line for each archive: "deb URI CODENAME COMPONENTS".
sources() {
    apt-get indextargets --format '$(REPO_URI)|$(CODENAME)|$(COMPONENT)' 'Created-By: Packages' |
        awk -F'|' -v suite="$suite" '
            $2 == suite || $2 == suite "-updates" || $2 == suite "-security" {
                key = $1 " " $2
                if (!(key in components)) order[++count] = key
                if (index(components[key] " ", " " $3 " ") == 0) components[key] = components[key] " " $3
            }
            END { for (i = 1; i <= count; i++) print "deb " order[i] components[order[i]] }'
}

settings() { apt-config dump | grep -E '^Acquire::(http|https|ftp|Retries|Check-)' || true; }

mirror() { sources | awk -v suite="$suite" '$3 == suite { print $2; exit }'; }

make_tar() {
    local tar=$1 from tree
    [ "$(id -u)" = 0 ] || { echo "debian_base: debootstrap needs root" >&2; return 1; }
    command -v debootstrap >/dev/null || { echo "debian_base: install debootstrap" >&2; return 1; }
    from=$(mirror)
    [ -n "$from" ] || { echo "debian_base: apt has no source for $suite: add one, then run apt-get update" >&2; return 1; }
    tree=$(mktemp -d "$(dirname "$tar")/new.XXXXXX")
    # shellcheck disable=SC2064  # now, while the name is known
    trap "rm -rf --one-file-system '$tree' '$tar.new'" EXIT # debootstrap mounts /proc and /sys there
    echo "making a bare Debian 12 with debootstrap, once" >&2
    if ! debootstrap --variant=minbase "$suite" "$tree" "$from" >"$tar.log" 2>&1; then
        tail -n 20 "$tar.log" >&2
        return 1
    fi
    : >"$tree/etc/apt/sources.list"
    rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/* "$tree"/var/log/*.log
    rm -rf "$tree"/usr/share/{doc,man,info,locale}/*
    rm -f "$tree/etc/resolv.conf" "$tree/etc/hostname"
    tar -C "$tree" --numeric-owner --one-file-system -cf "$tar.new" .
    mv "$tar.new" "$tar"
    rm -f "$tar.log"
}

case ${1:-tar} in
sources) sources ;;
settings) settings ;;
tar)
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/podberth
    tar=$cache/debian-$suite-$(dpkg --print-architecture).tar
    mkdir -p "$cache"
    exec 9>"$cache/debian-base.lock"
    flock 9
    [ -s "$tar" ] || make_tar "$tar" 9>&-
    echo "$tar"
    ;;
*)
    echo "usage: tools/debian_base.sh [sources|settings]" >&2
    exit 2
    ;;
esac
