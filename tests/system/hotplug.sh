#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: hotplug.sh
#
# CPUs of the parent go off and on again, many times, and work after each time.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

machine 400 --cpus 4 <<'EOS' || fail "CPU hotplug in the parent"
booted
sum=$(seq 100000 | sha256sum)
for ((round = 1; round <= 8; round++)); do
	for cpu in 1 2 3; do
		echo 0 >/sys/devices/system/cpu/cpu$cpu/online
	done
	[ "$(nproc)" = 1 ] || fail "round $round: $(nproc) CPUs left, not 1"
	for cpu in 3 1 2; do
		echo 1 >/sys/devices/system/cpu/cpu$cpu/online
		before=$(irq_count_cpu '^ *LOC:' $cpu)
		[ "$(taskset -c $cpu bash -c 'seq 100000 | sha256sum; sleep 0.05')" = "$sum" ] || fail "round $round: CPU $cpu computes wrongly"
		[ "$(irq_count_cpu '^ *LOC:' $cpu)" -gt "$before" ] || fail "round $round: CPU $cpu has no timer"
	done
	[ "$(nproc)" = 4 ] || fail "round $round: $(nproc) CPUs, not 4"
	echo "ok: round $round: CPUs 1, 2 and 3 went and came back"
done
kernel_is_content
EOS
