#!/usr/bin/env bash
# Put what the VM tier boots into a cache folder: QEMU (installed by apt), a Debian kernel with its modules (unpacked, never
# installed on this machine) and an initial RAM disk made of busybox and `init` beside this file. Prints nothing when all is there.
#
# QEMU must be 8 or later for its emulated SR-IOV NIC, which Debian 12 has in backports; the mirror is the one apt already uses.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
cache=${PODBERTH_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/podberth-vm}
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

apt() { apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; }

have_qemu() {
    local version
    version=$(qemu-system-x86_64 --version 2>/dev/null | sed -n 's/^QEMU emulator version \([0-9]*\).*/\1/p')
    [ "${version:-0}" -ge 8 ]
}

have_tools() {
    local tool
    for tool in busybox cpio depmod modprobe; do # one at a time: bash is content with any of several
        command -v "$tool" >/dev/null || return 1
    done
    file_is_static "$(command -v busybox)"
}

file_is_static() { ! ldd "$1" >/dev/null 2>&1; }

# Print the release option apt needs to find a recent QEMU and kernel, adding backports to its sources where they are missing.
release_option() {
    # shellcheck source=/dev/null
    . /etc/os-release
    [ "${VERSION_CODENAME:-}" = bookworm ] || return 0
    if [ -z "$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm-backports')" ]; then
        local mirror
        mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' 'Created-By: Packages' | head -n 1)
        [ -n "$mirror" ] || { echo "vm setup: apt has no source for bookworm to derive backports from" >&2; return 1; }
        echo "deb ${mirror%/} bookworm-backports main" >/etc/apt/sources.list.d/podberth-vm.list
    fi
    echo "--target-release=bookworm-backports"
}

fetch() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "vm setup: needs root and apt-get; or install qemu-system-x86 (8 or later), busybox-static, kmod and cpio" >&2
        return 1
    fi
    echo "fetching QEMU and a kernel for the vm tier"
    local option
    option=$(release_option)
    apt update
    export DEBIAN_FRONTEND=noninteractive
    have_tools || apt install -y --no-install-recommends busybox-static kmod cpio >/dev/null
    # shellcheck disable=SC2086  # the option is empty or one word
    have_qemu || apt install -y --no-install-recommends $option qemu-system-x86 >/dev/null
    # shellcheck disable=SC2086
    [ -d "$cache/kernel" ] || fetch_kernel $option
}

fetch_kernel() {
    local image tree
    image=$(apt-cache "$@" depends linux-image-amd64 | awk '/Depends: linux-image/ {print $2; exit}')
    tree=$(mktemp -d "$cache/new.XXXXXX")
    chmod 755 "$tree"
    (cd "$tree" && apt download "$@" "$image" 2>/dev/null && dpkg -x linux-image-*.deb . && rm -- *.deb)
    [ -d "$tree/lib/modules" ] || { mkdir -p "$tree/lib" && mv "$tree/usr/lib/modules" "$tree/lib/"; }
    depmod -b "$tree" "$(ls "$tree/lib/modules")"
    mv "$tree" "$cache/kernel"
}

# The RAM disk holds only what is needed to see this machine's files: 9p over virtio, and overlayfs to write over them.
build_initrd() {
    local release tree module
    release=$(ls "$cache/kernel/lib/modules")
    tree=$(mktemp -d)
    mkdir -p "$tree"/{bin,modules}
    cp "$(command -v busybox)" "$tree/bin/busybox"
    install -m 755 "$here/init" "$tree/init"
    for module in 9pnet_virtio 9p overlay; do
        modprobe -d "$cache/kernel" -S "$release" --show-depends "$module" | awk '/^insmod/ {print $2}'
    done | awk '!seen[$0]++' | while read -r module; do
        cp "$module" "$tree/modules/"
        basename "$module" >>"$tree/modules/order"
    done
    (cd "$tree" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$cache/initrd.new"
    mv "$cache/initrd.new" "$cache/initrd.gz"
    rm -r "$tree"
}

if ! { have_qemu && have_tools && [ -d "$cache/kernel" ]; }; then fetch; fi
initrd=$cache/initrd.gz
if [ ! -e "$initrd" ] || [ "$here/init" -nt "$initrd" ] || [ "$here/setup.sh" -nt "$initrd" ]; then build_initrd; fi
