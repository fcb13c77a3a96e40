# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Debian package sources for mmdebstrap, taken from this machine's own apt
# configuration: the same mirrors and proxies, other suites. Sourced.

DEBIAN_SUITE=trixie

# debian_uri LABEL: the first archive that apt knows from Debian with this
# Release label ("Debian", "Debian-Security"); nothing when there is none.
debian_uri() {
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		awk -F'|' -v label="$1" '$1 == "Debian" && $2 == label { print $3; exit }'
}

# The host's Debian keyring: bookworm calls it .gpg, trixie .pgp as well.
debian_keyring() {
	local file
	for file in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
		[ ! -e "$file" ] || { printf '%s\n' "$file" && return; }
	done
	return 1
}

# Prints the sources.list of the suite, one "deb" line per part of it.
debian_sources() {
	local archive=$1 security=$2 options=
	[ -z "${3-}" ] || options="[signed-by=$3] "
	printf 'deb %s%s %s main\n' "$options" "$archive" "$DEBIAN_SUITE" \
		"$options" "$archive" "$DEBIAN_SUITE-updates" \
		"$options" "$archive" "$DEBIAN_SUITE-backports"
	[ -z "$security" ] || printf 'deb %s%s %s main\n' "$options" "$security" "$DEBIAN_SUITE-security"
}

# apt's proxy settings as configuration lines, ready for --aptopt.
debian_proxies() {
	apt-config dump | grep -E '^Acquire::(http|https|ftp)::(Proxy|Proxy-Auto-Detect|proxy)[ :]' || true
}

# Sets ARCHIVE, SECURITY and PROXIES, or says what this machine lacks.
find_debian() {
	command -v apt-get >/dev/null || die "needs apt-get: this is not a Debian machine"
	ARCHIVE=$(debian_uri Debian)
	if [ -z "$ARCHIVE" ]; then
		note "apt knows no Debian archive yet: apt-get update"
		apt-get update -q >/dev/null 2>&1 || true
		ARCHIVE=$(debian_uri Debian)
	fi
	[ -n "$ARCHIVE" ] || die "apt has no Debian archive among its sources (apt-get indextargets shows none with origin Debian)"
	case $ARCHIVE in
	http://* | https://*) ;;
	*) die "the Debian archive among apt's sources is '$ARCHIVE': only http and https are supported" ;;
	esac
	SECURITY=$(debian_uri Debian-Security)
	[ -n "$SECURITY" ] || note "apt has no Debian security archive among its sources: going on without it"
	mapfile -t PROXIES < <(debian_proxies)
}

# Installs what is missing on the host: arguments are COMMAND:PACKAGE.
need_host_packages() {
	local pair missing=()
	for pair; do
		command -v "${pair%%:*}" >/dev/null || [ -e "${pair%%:*}" ] || missing+=("${pair#*:}")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	note "installing on this machine: ${missing[*]}"
	local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "${missing[@]}")
	"${apt[@]}" >/dev/null 2>&1 || { apt-get update -q >/dev/null 2>&1 && "${apt[@]}" >/dev/null; } ||
		die "could not install ${missing[*]} with apt-get"
}
