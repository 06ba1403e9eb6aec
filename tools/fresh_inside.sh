#!/usr/bin/env bash
# The part of tools/fresh.sh that runs in the new namespaces: mount what a machine has, make the folder the root, run a command.
#
#   tools/fresh_inside.sh ROOT COMMAND [ARGUMENT ...]
set -euo pipefail

root=$1
shift

mapfile -t hierarchies < <(awk '$3 == "cgroup" || $3 == "cgroup2" { print $2, $3, $4 }' /proc/self/mounts)

mount --bind "$root" "$root"
cd "$root"
mount -t proc -o nosuid,nodev,noexec proc proc
mount -t sysfs -o nosuid,nodev,noexec sysfs sys

# The same cgroup hierarchies as outside, each from this namespace's own group down.
[ "${hierarchies[0]%% *}" = /sys/fs/cgroup ] || mount -t tmpfs -o mode=755 cgroups sys/fs/cgroup
for hierarchy in "${hierarchies[@]}"; do
    read -r at type options <<<"$hierarchy"
    mkdir -p "$root$at"
    if [ "$type" = cgroup2 ]; then
        mount -t cgroup2 cgroup2 "$root$at"
    else # its controllers, or its name
        mount -t cgroup -o "$(tr , '\n' <<<"$options" | grep -vxE 'rw|relatime|nosuid|nodev|noexec|xattr' | paste -sd,)" cgroup "$root$at"
    fi
done

mount -t tmpfs -o nosuid,mode=755 dev dev
for device in null zero full random urandom tty kmsg net/tun fuse kvm loop-control; do
    [ ! -e "/dev/$device" ] || { mkdir -p "dev/$(dirname "$device")" && cp -a "/dev/$device" "dev/$device"; }
done
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs -o nosuid,nodev shm dev/shm
mount -t tmpfs -o nosuid,nodev,mode=755 run run
mkdir run/lock
# /tmp is on the disk, as on most machines, and empty.
find tmp -mindepth 1 -delete

hostname fresh
pivot_root . .
umount -l .
cd /
exec "$@"
