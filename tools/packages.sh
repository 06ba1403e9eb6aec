#!/usr/bin/env bash
# Install the Debian packages a target needs and this machine lacks; quick and silent when none is missing.
#
#   tools/packages.sh setup|demo|test|bench        PYTHON names the interpreter the virtual environment is made from
set -euo pipefail

# One per line: the target that needs it (each target needs those of the targets above it too), the packages that bring
# it, and a command that succeeds where it is there, to the end of the line.
wanted() {
    cat <<'END'
setup|python3-venv|"${PYTHON:-python3}" -c 'import ensurepip, sqlite3, venv'
setup|gcc libc6-dev|command -v gcc && { command -v musl-gcc || test -e /usr/include/stdlib.h; }
setup|musl-tools|command -v musl-gcc || ! can_install
demo|iproute2|command -v ip && command -v tc
demo|iputils-ping|command -v ping
test|procps|command -v sysctl
test|tcpdump|command -v tcpdump
test|iperf3|command -v iperf3
test|containernetworking-plugins|test -x /usr/lib/cni/bridge
test|containerd|command -v containerd && command -v ctr
test|runc|command -v runc
test|podman|command -v podman
test|busybox-static|command -v busybox && ! ldd "$(command -v busybox)"
test|iptables|command -v iptables-save
test|openssl|command -v openssl
test|xz-utils|command -v xz
test|etcd-server|command -v etcd
test|etcd-client|command -v etcdctl
test|kubernetes-client|command -v kubectl
test|nftables|command -v nft
test|dnsmasq-base|command -v dnsmasq
test|kea-dhcp4-server|command -v kea-dhcp4
test|debootstrap|command -v debootstrap
test|buildah|command -v buildah
END
}

# What gcc does as well, only larger, is wanted just where it can be had.
can_install() { [ "$(id -u)" = 0 ] && command -v apt-get; }

missing() {
    local target need package reached=no
    while IFS='|' read -r target package need; do
        if [ "$reached" = yes ] && [ "$target" != "$1" ]; then break; fi
        if [ "$target" = "$1" ]; then reached=yes; fi
        eval "$need" >/dev/null 2>&1 </dev/null || echo "$package"
    done < <(wanted)
}

target=${1:?usage: tools/packages.sh setup|demo|test|bench}
[ "$target" = bench ] && target=test
packages=$(missing "$target" | sort -u | xargs)
[ -n "$packages" ] || exit 0

if ! can_install >/dev/null; then
    echo "make $1 needs packages that are not installed (Debian's names): $packages" >&2
    echo "install them (apt-get install $packages), or run make as root where there is apt-get" >&2
    exit 1
fi
echo "set-up: installing $packages with apt-get"
export DEBIAN_FRONTEND=noninteractive
apt() { apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; }
apt update
# They are wanted as programs: their services must not be started, now or at the next boot.
services=()
if [ -d /run/systemd/system ]; then
    case " $packages " in *" containerd "*) services+=(containerd.service) ;; esac
    case " $packages " in *" etcd-server "*) services+=(etcd.service) ;; esac
    case " $packages " in *" kea-dhcp4-server "*) services+=(kea-dhcp4-server.service) ;; esac
    case " $packages " in
    *" podman "*) services+=(podman.socket podman.service podman-restart.service podman-auto-update.timer) ;;
    esac
fi
[ ${#services[@]} = 0 ] || systemctl --quiet --runtime mask "${services[@]}"
# shellcheck disable=SC2086  # one word per package
apt install -y --no-install-recommends $packages >/dev/null
if [ ${#services[@]} != 0 ]; then
    systemctl --quiet --runtime unmask "${services[@]}"
    systemctl --quiet disable "${services[@]}"
fi
left=$(missing "$target" | sort -u | xargs)
[ -z "$left" ] || { echo "installed, but still not usable: $left" >&2; exit 1; }
