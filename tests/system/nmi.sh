#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: nmi.sh
#
# NMIs that the parent's CPUs send one another arrive, each of them, one after the other
# and many at once, and none that nobody has sent.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

machine 300 --cpus 4 <<'EOS' || fail "NMIs in the parent"
booted
dmesg -n 1
echo 1 >/proc/sys/kernel/sysrq
# A CPU that is idle answers too, but prints nothing.
for cpu in 1 2 3; do
	taskset -c $cpu sh -c 'while :; do :; done' &
done
nmis() {
	awk '/^ *NMI:/ { print $3, $4, $5 }' /proc/interrupts
}
read -r a b c < <(nmis)
for ((n = 0; n < 20; n++)); do
	taskset -c 0 sh -c 'echo l >/proc/sysrq-trigger'
done
read -r x y z < <(nmis)
same "$((x - a)) $((y - b)) $((z - c))" '20 20 20' 'NMIs on CPUs 1, 2 and 3'
check 'none that nobody has sent' test "$(dmesg | grep -c 'unknown reason')" = 0
EOS
