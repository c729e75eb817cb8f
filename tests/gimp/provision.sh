#!/usr/bin/env bash
# Makes a folder that holds a small Debian with GIMP 3, for tests on machines whose own
# distribution has none:
#
#     tests/gimp/provision.sh ROOT [trixie|forky]     (trixie: GIMP 3.0, forky: GIMP 3.2)
#     STUDIO_PORTRAIT_GIMP_ROOT=ROOT python -m pytest tests/gimp
#
# Needs root, and debootstrap (installed when apt can). A finished root is left alone, a
# half-made one is carried on with or made anew. The tests enter it with chroot; it needs no mounts.
set -euo pipefail

RECIPE=3 # raise it when the list of packages changes: older roots are then brought up to date
PACKAGES=(gimp fonts-dejavu-core adwaita-icon-theme librsvg2-common)

die() {
    echo "provision.sh: $*" >&2
    exit 1
}

(($# >= 1 && $# <= 2)) || die "usage: provision.sh ROOT [trixie|forky]"
suite="${2:-trixie}"
[[ $suite == trixie || $suite == forky ]] || die "the release must be trixie or forky, not $suite"
mkdir -p "$1"
root="$(cd "$1" && pwd -P)"
[[ $root != / ]] || die "ROOT must be a folder of its own"
stamp="$root/.gimp-root"      # finished: release and recipe
begun="$root/.gimp-root-begun" # ours, so that it may be emptied and made anew

if [[ -f $stamp && $(<"$stamp") == "$suite $RECIPE" ]]; then
    echo "$root is ready ($suite)"
    exit 0
fi
[[ $(id -u) == 0 ]] || die "only root can make a GIMP root"

export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH="$PATH:/usr/sbin:/sbin" # which root lacks after a plain su
unset PYTHONHOME PYTHONPATH LD_LIBRARY_PATH

install_debootstrap() {
    local packages=(debootstrap)
    [[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || packages+=(debian-archive-keyring)
    if ! command -v debootstrap >/dev/null || ((${#packages[@]} > 1)); then
        command -v apt-get >/dev/null || die "debootstrap is missing; install it first"
        apt-get -qq update
        apt-get -qq install -y --no-install-recommends "${packages[@]}" >/dev/null
    fi
}

# The mirror that this Debian uses itself; empty elsewhere, where debootstrap's own default serves.
mirror() {
    if grep -qs '^ID=debian' /etc/os-release && command -v apt-get >/dev/null; then
        apt-get indextargets --format '$(SITE)' | grep -v -e security -e '^file:' | sort -u | head -n 1
    fi
}

bare_system() {
    if [[ -n $(ls -A "$root") ]]; then
        [[ -e $begun || -e $stamp || -d $root/debootstrap ]] || die "$root holds something else"
        umount "$root/proc" "$root/sys" 2>/dev/null || true # left mounted when debootstrap was killed
        grep -qs " $root/" /proc/mounts && die "something is mounted below $root"
        find "$root" -mindepth 1 -xdev -delete
    fi
    echo "$suite" >"$begun"
    local script=() site
    [[ -e /usr/share/debootstrap/scripts/$suite ]] || script=(sid)
    site="$(mirror)"
    if ((${#script[@]})) && [[ -z $site ]]; then
        site="$(sed -n 's/^ *DEF_MIRROR="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /usr/sbin/debootstrap | head -n 1)"
    fi
    debootstrap --variant=minbase "$suite" "$root" ${site:+"$site"} "${script[@]}" >"$root.log" 2>&1 ||
        die "debootstrap failed; its last words: $(tail -n 3 "$root.log")"
    rm -f "$root.log"
    printf 'force-unsafe-io\n%s\n' path-exclude=/usr/share/{doc,man,info,locale,help}/'*' \
        >"$root/etc/dpkg/dpkg.cfg.d/small-and-quick"
    printf 'APT::Install-Recommends "false";\n' >"$root/etc/apt/apt.conf.d/no-recommends"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    echo "$suite base" >"$begun"
}

inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}

install_gimp() {
    cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
    [[ ! -e /etc/apt/apt.conf.d ]] || grep -hs 'Acquire::http' /etc/apt/apt.conf.d/* >"$root/etc/apt/apt.conf.d/host" || true
    inside dpkg --configure -a
    inside apt-get -qq update
    inside apt-get -qq -y -f install
    inside apt-get -qq -y install "${PACKAGES[@]}"
    inside apt-get clean
    rm -rf "$root"/var/lib/apt/lists/*
}

install_debootstrap
if [[ ! -f $begun || $(<"$begun") != "$suite base" ]]; then
    echo "making a bare Debian $suite in $root"
    bare_system
fi
echo "installing GIMP in $root (some minutes)"
log="$root.log"
install_gimp >"$log" 2>&1 || die "apt failed; its last words: $(tail -n 5 "$log")"
rm -f "$log"
inside gimp-console --version || die "GIMP does not start in $root"
echo "$suite $RECIPE" >"$stamp"
echo "$root is ready ($suite)"
