#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: poweroff.sh command|button
#
# The parent switches the machine off: on its own command, and when the power
# button is pressed (an ACPI event: the SCI, level-triggered).

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
how=$1

case $how in
command)
	script='systemctl poweroff; exit 0'
	options=()
	;;
button)
	# The monitor stands in for the button.
	monitor=$(free_port)
	options=(-- -monitor "tcp:127.0.0.1:$monitor,server=on,wait=off")
	# shellcheck disable=SC2016
	background bash -c 'until grep -qs "^ready" "$0"; do sleep 0.5; done; exec 3<>"/dev/tcp/127.0.0.1/$1"; echo system_powerdown >&3; exec cat <&3 >/dev/null' "$OUTPUT" "$monitor"
	# logind opens the button when udev has found it.
	script='until journalctl -u systemd-logind | grep "Power Button"; do sleep 0.5; done; echo ready; sleep 60; fail "nobody reacts to the power button"'
	;;
esac

status=0
machine 200 "${options[@]}" <<<"booted; $script" || status=$?
case $how:$status in
command:0) ;;
button:143) say "the command was ended by the shutdown" ;;
*) fail "status $status" ;;
esac
# QEMU ended by itself: the runner would have said 124 or 125 otherwise.
serial_has 'reboot: Power down'
