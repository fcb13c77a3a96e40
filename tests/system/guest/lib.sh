# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the guest tests share. Sourced, with the folder of medium and programs as the
# script's first argument.

# shellcheck source=tests/system/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
needs_hv
THREADS=single

SHARE=$1

# guests SECONDS [tools/qemu option...]: as machine, with the functions of inside.sh too.
# The parent does not check its TSC by the HPET: guests take turns with it, and so do other
# machines with the emulator that has the HPET, so a reading may take milliseconds.
guests() {
	local seconds=$1
	shift
	cat "$TOP/tests/system/guest/inside.sh" - |
		machine "$seconds" --append tsc=reliable --share "$SHARE" "$@"
}
