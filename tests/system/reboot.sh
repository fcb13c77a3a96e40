#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: reboot.sh bios|uefi
#
# The parent reboots: the machine comes up a second time, under hv again.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
firmware=$1

options=(--reboots)
[ "$firmware" = bios ] || options+=(--uefi)
machine 360 "${options[@]}" <<'EOS' || fail "reboot of the parent"
booted
if [ ! -e /var/was-here ]; then
	touch /var/was-here
	echo 'the first time'
	systemctl reboot
	exit 99 # not the status that counts
fi
echo 'the second time'
kernel_is_content
EOS
grep -q 'the second time' "$OUTPUT" || fail "the machine did not come up a second time"
[ -n "${MULLION_BARE-}" ] ||
	serial_has '(hv) starting the parent' 'reboot: Restarting system' '(hv) starting the parent' 'reboot: Power down'
