# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the scripts under tools/ share: where things are, how they complain,
# and how they get themselves into the build root. Sourced, not run.

# The checkout, and the name under which the calling script complains.
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
SELF=${0##*/}

# One line on stderr, and out: 1 = it failed, 2 = it was called wrongly.
die() {
	printf '%s: %s\n' "$SELF" "$*" >&2
	exit 1
}

usage_error() {
	printf '%s: %s (-h shows the usage)\n' "$SELF" "$*" >&2
	exit 2
}

note() {
	[ -n "${MULLION_QUIET-}" ] || printf '%s: %s\n' "$SELF" "$*" >&2
}

# The header comment of a script, up to its first empty line, is its -h text.
show_help() {
	sed -n -e '1d' -e '/SPDX-License-Identifier/d' -e '/^#/!q' -e 's/^# \{0,1\}//p' "$1"
}

# Prints the cache directory: large, slow to make, keyed by content, not precious.
cache_dir() {
	if [ -n "${MULLION_CACHE-}" ]; then
		case $MULLION_CACHE in
		/*) ;;
		*) die "MULLION_CACHE must be an absolute path, not '$MULLION_CACHE'" ;;
		esac
		printf '%s\n' "$MULLION_CACHE"
	else
		printf '%s\n' /var/cache/mullion
	fi
}

need_root() {
	[ "$(id -u)" -eq 0 ] || die "needs root for chroot and mounts: run it with sudo"
}

in_root() {
	[ -e /etc/mullion-build-root ]
}

# Runs the calling script again inside the build root, unless it is there.
reenter_in_root() {
	in_root || exec "$TOP/tools/in-root" "$TOP/tools/$SELF" "$@"
}

# need_space DIR MIB: refuses to go on when DIR's file system has less than MIB free.
need_space() {
	local dir=$1 mib=$2 free
	free=$(df --output=avail -BM "$dir" | tail -n 1 | tr -dc 0-9)
	[ "$free" -ge "$mib" ] || die "$dir has $free MiB free, $mib MiB are needed"
}
