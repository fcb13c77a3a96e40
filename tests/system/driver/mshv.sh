#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: mshv.sh DIRECTORY
#
# /dev/mshv in the parent: what it serves and what it refuses (DIRECTORY holds
# mshv-test).

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/../lib.sh"
THREADS=single
needs_hv

machine 240 --share "$1" <<'EOS' || fail "/dev/mshv did not do as it must"
	booted
	check "mshv-test" /run/share/mshv-test
	systemctl stop mullion-hvd
	rmmod mullion_root
	check "no device without the module" test ! -e /dev/mshv
	modprobe mullion_root
	kernel_is_content
EOS
