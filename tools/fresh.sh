#!/usr/bin/env bash
# Run `make demo`, then `make test`, on a fresh Debian 12 that has python3, gcc, make and a clone of HEAD, and nothing else.
#
#   tools/fresh.sh [--keep] [TIER ...]      the tiers that `make test` runs there; none: all of them
#
# The fresh machine is a bare root folder in mount, PID and cgroup namespaces of its own: its mounts end with its
# processes, and those end with this script, also where it is killed. It has this machine's network, and this machine's
# way to Debian's archive and to Python packages. `--keep` leaves the folder; a kept folder is used again: a warm run.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
repository=$(dirname "$here")
fresh=${XDG_CACHE_HOME:-$HOME/.cache}/podberth/fresh
root=$fresh/root
group=podberth-fresh-$(cksum <<<"$root" | cut -d" " -f1) # runs with other caches may go on beside this one

keep=no
if [ "${1:-}" = --keep ]; then
    keep=yes
    shift
fi
case ${1:-} in -*) echo "usage: tools/fresh.sh [--keep] [TIER ...]" >&2; exit 2 ;; esac
tiers=$*

[ "$(id -u)" = 0 ] || { echo "tools/fresh.sh mounts a root folder: run it as root" >&2; exit 1; }
mkdir -p "$fresh"
exec 9>"$fresh/lock"
flock --nonblock 9 || { echo "another tools/fresh.sh runs: wait for it, or set XDG_CACHE_HOME to another folder" >&2; exit 1; }

# The mount points of the cgroup hierarchies of this machine, of version 1 and 2: "PATH TYPE OPTIONS" a line.
hierarchies() { awk '$3 == "cgroup" || $3 == "cgroup2" { print $2, $3, $4 }' /proc/self/mounts; }

# Delete the groups that a run has left, the deepest first. A killed process leaves its group a moment after its end.
delete_groups() {
    local at left tries
    for tries in {1..50}; do
        left=no
        while read -r at _; do
            [ -d "$at/$group" ] || continue
            find "$at/$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
            [ ! -d "$at/$group" ] || left=yes
        done < <(hierarchies)
        [ "$left" = yes ] || return 0
        sleep 0.1
    done
    echo "after $tries tries a process is still in a cgroup $group" >&2
}

# Put this process into a group of its own in each hierarchy. The namespace made after that has this group as its root.
enter_groups() {
    local at name
    while read -r at _; do
        mkdir -p "$at/$group"
        for name in cpuset.cpus cpuset.mems; do # version 1 takes no process before these are set
            [ ! -e "$at/$group/$name" ] || [ ! -e "$at/cgroup.clone_children" ] || cat "$at/$name" >"$at/$group/$name"
        done
        # Nor may a process in a group of version 1 run in real time, as the VM's does, before it is told for how long.
        [ ! -e "$at/$group/cpu.rt_runtime_us" ] || cat "$at/cpu.rt_runtime_us" >"$at/$group/cpu.rt_runtime_us" || true
        echo "$BASHPID" >"$at/$group/cgroup.procs"
    done < <(hierarchies)
}

# Copy the files by which this machine and this user find packages.
copy_ways() {
    local file
    "$here/debian_base.sh" sources >"$root/etc/apt/sources.list"
    "$here/debian_base.sh" settings >"$root/etc/apt/apt.conf.d/90machine"
    for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/xdg/pip /etc/uv ~/.pip ~/.config/pip ~/.config/uv; do
        case $file in "$HOME"/*) copy "$file" "$root/root/${file#"$HOME"/}" ;; *) copy "$file" "$root$file" ;; esac
    done
}

copy() {
    [ -e "$1" ] || return 0
    mkdir -p "$(dirname "$2")"
    cp -rL "$1" "$2"
}

make_root() {
    local tar
    tar=$("$here/debian_base.sh")
    rm -rf --one-file-system "$fresh/new"
    mkdir "$fresh/new"
    tar -C "$fresh/new" -xf "$tar"
    chmod 755 "$fresh/new"
    mv "$fresh/new" "$root"
    copy_ways
    echo "installing python3, gcc and make there"
    enter bash -c 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
        python3 gcc make ca-certificates >/dev/null' || { rm -rf --one-file-system "$root"; return 1; }
    # Authorities that only this machine trusts stand between it and its mirrors, perhaps.
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
    git clone --quiet --no-hardlinks "$repository" "$root/root/podberth"
}

renew_clone() {
    git -C "$root/root/podberth" fetch --quiet "$repository" HEAD
    git -C "$root/root/podberth" reset --quiet --hard FETCH_HEAD
}

# Variables that name a proxy, an index or a certificate authority; nothing else of the environment goes in.
passed() { env | grep -E '^((PIP|UV)_|SSL_CERT_|REQUESTS_CA_BUNDLE=|(http|https|no|all)_proxy=|(HTTP|HTTPS|NO|ALL)_PROXY=)' || true; }

# Run a command in the root folder as process 1 of its own namespaces.
enter() {
    local variables=()
    mapfile -t variables < <(passed)
    (
        enter_groups
        # setpriv: the kernel kills it, and by --kill-child all below, when this script is gone.
        exec setpriv --pdeathsig KILL unshare --mount --pid --cgroup --ipc --uts --fork --kill-child --propagation private \
            bash "$here/fresh_inside.sh" "$root" \
            env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${variables[@]}" "$@"
    ) 9>&- &
    inside=$!
    wait "$inside"
}

finish() {
    local status=$?
    trap - EXIT
    [ -z "${inside:-}" ] || kill -KILL "$inside" 2>/dev/null || true
    wait || true
    delete_groups
    if [ "$keep" = yes ]; then
        echo "kept: $root"
    else
        rm -rf --one-file-system "$root"
    fi
    exit "$status"
}
main() {
    trap finish EXIT
    trap 'exit 130' INT TERM HUP
    delete_groups
    if [ -d "$root/root/podberth" ]; then
        echo "warm: $root was kept"
        renew_clone
    else
        rm -rf --one-file-system "$root"
        make_root
    fi
    # shellcheck disable=SC2016  # the variables of these two are the inner shells'
    local timed='began=$SECONDS; status=0; "$@" || status=$?
        echo "$*: $(((SECONDS - began) / 60)) min $(((SECONDS - began) % 60)) s"; exit $status'
    # shellcheck disable=SC2016
    local both='cd /root/podberth && bash -c "$1" - make demo && bash -c "$1" - make test TIERS="$2"'
    enter bash -c "$both" - "$timed" "$tiers"
}

main; exit # on one line: bash reads no further in a file that may have changed meanwhile
