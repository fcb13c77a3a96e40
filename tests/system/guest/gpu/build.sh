#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: build.sh SUITE OUTPUT
#
# mullion_gpu.ko for the stock kernel of a Debian suite (bookworm, trixie-backports), with
# W=1 and without a warning, to OUTPUT. In the build root.

set -euo pipefail
# shellcheck source=tools/lib/common.sh
. "$(dirname "$0")/../../../../tools/lib/common.sh"

main() {
	local headers
	in_root || exec "$TOP/tools/in-root" "$0" "$@"
	headers=$("$TOP/tools/lib/kernel-headers" "$1")
	COPY=$(mktemp -d)
	trap 'rm -rf "$COPY"' EXIT
	cp "$TOP"/vsc/*.[ch] "$TOP/vsc/Kbuild" "$COPY"
	# A suite's own compiler is not in the build root.
	env -i PATH="$PATH" LC_ALL=C make -s -C "$headers" M="$COPY" CC=gcc W=1 KCFLAGS=-Werror \
		MULLION_INCLUDE="$TOP/include" modules
	modinfo -F vermagic "$COPY/mullion_gpu.ko"
	[ "$(modinfo -F alias "$COPY/mullion_gpu.ko")" = vmbus:4c4597791166f84d92266ee81030bbba ] ||
		die "the module is not loaded by its device's class"
	mkdir -p "$(dirname "$2")"
	strip --strip-debug -o "$2" "$COPY/mullion_gpu.ko"
}

case ${1-} in -h | --help) show_help "$0" && exit 0 ;; esac
[ $# -eq 2 ] || usage_error "SUITE OUTPUT"
main "$@"
