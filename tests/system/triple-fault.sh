#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: triple-fault.sh
#
# A triple fault of the parent is reported, and resets the machine as on
# hardware. The kernel has it among its ways to reboot.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
needs_hv

machine 360 --reboots --append reboot=triple <<'EOS' || fail "triple fault of the parent"
booted
if [ ! -e /var/was-here ]; then
	touch /var/was-here
	sync
	echo b >/proc/sysrq-trigger
	sleep 60
	fail 'the machine was not reset'
fi
echo 'the second time'
EOS
grep -q 'the second time' "$OUTPUT" || fail "the machine did not come up a second time"
serial_has '(hv) parent triple fault' '(hv) starting the parent'
