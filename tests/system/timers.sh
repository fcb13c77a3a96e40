#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: timers.sh CLOCKSOURCE [KERNEL-OPTION...]
#
# Timer load under hv on every CPU: none early, none lost, no clock that goes
# back, and the local APIC timer behind it all. Kernel options choose the ways
# in which Linux uses the timer and the APIC.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

seconds=12
machine 240 --append "$*" --share "$TOP/tests/system" <<EOS || fail "timers in the parent"
booted
cat /proc/cmdline
dmesg | grep -iE 'x2apic|clocksource: Switched' || true
before=()
for ((cpu = 0; cpu < \$(nproc); cpu++)); do
	before[cpu]=\$(irq_count_cpu '^ *LOC:' \$cpu)
done
python3 /run/share/timers.py $seconds
for ((cpu = 0; cpu < \$(nproc); cpu++)); do
	count=\$((\$(irq_count_cpu '^ *LOC:' \$cpu) - before[cpu]))
	echo "CPU \$cpu: \$count timer interrupts"
	# Each CPU had 200 expirations a second to serve, ticks not counted.
	check "CPU \$cpu has had the timer's interrupts" test \$count -gt $((seconds * 100))
done
same "\$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)" tsc clocksource
cyclictest -q -m -t -p 80 -i 2000 -D 6
kernel_is_content
EOS
