#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: panic.sh
#
# When the parent's kernel panics, hv says why.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
needs_hv

status=0
machine 200 <<'EOS' || status=$?
booted
echo c >/proc/sysrq-trigger
echo 'the kernel did not crash'
EOS
[ "$status" -eq 125 ] || fail "status $status: the machine outlived the panic"
serial_has 'Kernel panic - not syncing: sysrq triggered crash'
serial_has '(hv) parent panic: sysrq triggered crash'
