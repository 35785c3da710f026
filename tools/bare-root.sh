#!/bin/sh
# The newcomer's machine: makes a bare Debian in a folder, copies the committed tree into it, and runs the two commands of
# the README there, as root (who may install what is missing) and then as an ordinary user (who has it).
#   bare-root.sh [FOLDER] [RELEASE]        as root; needs debootstrap; a full run takes minutes, so it is not part of CI
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
root=${1:-/tmp/matchbox-bare} release=${2:-bookworm}
command -v debootstrap >/dev/null || { echo 'error: debootstrap is not installed'; exit 1; }
[ -x "$root/usr/bin/apt-get" ] || debootstrap --variant=minbase "$release" "$root" "${MIRROR:-http://deb.debian.org/debian}" >"$root.log" 2>&1 ||
    { tail -n 20 "$root.log"; exit 1; }
[ ! -f /etc/resolv.conf ] || cp /etc/resolv.conf "$root/etc/"
[ -z "${APT_CONF:-}" ] || cp "$APT_CONF" "$root/etc/apt/apt.conf.d/" # where a mirror needs settings of its own
rm -rf "$root/home/new/matchbox"; mkdir -p "$root/home/new/matchbox"
git -C "$here" archive HEAD | tar -x -C "$root/home/new/matchbox"
for m in proc sys dev; do mountpoint -q "$root/$m" || mount --rbind /$m "$root/$m"; mount --make-rslave "$root/$m"; done
trap 'for m in proc sys dev; do umount -R -l "$root/$m" || true; done' EXIT
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" "$@"; }
inside sh -c 'for t in cc make git python3 pkg-config; do command -v $t || echo "no $t"; done'
echo '== ./quickstart as root on a bare system'
inside sh -c 'cd /home/new/matchbox && ./quickstart'
echo '== ./quickstart test as an ordinary user'
inside sh -c 'id new >/dev/null 2>&1 || useradd -m new; chown -R new /home/new && su new -c "cd ~/matchbox && rm -rf build runs && ./quickstart && ./quickstart test"'
