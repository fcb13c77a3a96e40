#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: poweroff-button.sh
#
# The parent switches the machine off when the power button is pressed (an ACPI event: the
# SCI, level-triggered). On its own command it does at the end of each test.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

# The monitor stands in for the button.
monitor=$(free_port)
# shellcheck disable=SC2016
background bash -c 'until grep -qs "^ready" "$0"; do sleep 0.5; done; exec 3<>"/dev/tcp/127.0.0.1/$1"; echo system_powerdown >&3; exec cat <&3 >/dev/null' "$OUTPUT" "$monitor"

status=0
# logind opens the button when udev has found it.
machine 200 -- -monitor "tcp:127.0.0.1:$monitor,server=on,wait=off" <<'EOS' || status=$?
booted
until journalctl -u systemd-logind | grep 'Power Button'; do rest 0.5; done
echo ready
sleep 60
fail 'nobody reacts to the power button'
EOS
[ "$status" = 143 ] || fail "status $status"
say 'the command was ended by the shutdown'
# QEMU ended by itself: the runner would have said 124 or 125 otherwise.
serial_has 'reboot: Power down'
