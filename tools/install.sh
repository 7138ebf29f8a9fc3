#!/bin/sh
# usage: install.sh GROUP...   Install what is missing of the groups of packages.txt, by apt-get.
# As root, or through sudo; when nothing is missing, neither is asked for.
set -eu
here=$(dirname "$0")
missing=""
for group in "$@"; do
    for package in $(awk -v group="$group" '$1 == group { print $2 }' "$here/packages.txt"); do
        case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true) in
        installed) ;;
        *) missing="$missing $package" ;;
        esac
    done
done
[ -n "$missing" ] || exit 0

sudo=""
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "error: packages are missing, and only root can install them: apt-get install$missing" >&2
        exit 1
    }
    sudo=sudo
fi
echo "installing:$missing" >&2
# RUNLEVEL=1: the packages' own services (nginx, postgresql) stay off; tests start theirs.
apt() {
    $sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q -y \
        -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" >&2
}
apt install --no-install-recommends $missing || {
    apt update
    apt install --no-install-recommends $missing
}
