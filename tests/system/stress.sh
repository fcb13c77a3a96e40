#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: stress.sh
#
# A minute of load of every kind on all CPUs: no interrupt is lost, no clock
# jumps, and the kernel has nothing to complain about.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
seconds=60

# Lines "clock MONOTONIC REALTIME" of the parent, with the runner's own clock
# in front: host and parent must agree on how much time went by.
stamp() {
	local line
	while IFS= read -r line; do
		case $line in
		clock\ *) printf '%s %s\n' "$EPOCHREALTIME" "$line" >>"$WORK/clocks" ;;
		*) printf '%s\n' "$line" ;;
		esac
	done
}

machine 400 --share "$TOP/tests/system" <<EOS | stamp
booted
echo "load: stress-ng for $seconds s"
timer_before=\$(irq_count '^ *LOC:')
disk_before=\$(irq_count 'virtio[0-9]+-req')
{
	for ((i = 0; i <= $seconds / 2; i++)); do
		echo "clock \$(python3 -c 'import time; print(time.monotonic_ns(), time.time_ns())')"
		sleep 2
	done
} &
clocks=\$!
python3 /run/share/timers.py $seconds &
timers=\$!
stress-ng --cpu 0 --timer 1 --timer-freq 1000 --clock 1 --fork 1 --switch 1 --vm 1 --vm-bytes 256m \\
	--hdd 1 --hdd-bytes 64m --hdd-opts direct --temp-path /var/tmp --sock 1 --verify --timeout $seconds --metrics-brief
wait \$clocks
wait \$timers
echo "timer interrupts: \$((\$(irq_count '^ *LOC:') - timer_before)), of the disk: \$((\$(irq_count 'virtio[0-9]+-req') - disk_before))"
check 'the timers ran on' test \$((\$(irq_count '^ *LOC:') - timer_before)) -gt $((seconds * 100))
check 'the disk worked' test \$((\$(irq_count 'virtio[0-9]+-req') - disk_before)) -gt 100
same "\$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)" tsc clocksource
grep -E '^ *(ERR|MIS|NMI|MCE):' /proc/interrupts
same "\$(awk '/^ *(ERR|MIS):/ { n += \$2 } END { print n + 0 }' /proc/interrupts)" 0 'APIC errors and misrouted interrupts'
kernel_is_content
EOS

# Host and parent may differ by how late a line arrives under load, not by more.
python3 - "$WORK/clocks" <<'EOS'
import sys
rows = [line.split() for line in open(sys.argv[1])]
host = [float(row[0]) for row in rows]
monotonic = [int(row[2]) / 1e9 for row in rows]
real = [int(row[3]) / 1e9 for row in rows]
if len(rows) < 10:
    sys.exit("FAILED: too few clock lines: %d" % len(rows))
ahead = [(m - monotonic[0]) - (h - host[0]) for h, m in zip(host, monotonic)]
apart = [(r - real[0]) - (m - monotonic[0]) for r, m in zip(real, monotonic)]
print("-- %d samples over %.1f s of the host: the parent's clock ahead by %.3f to %.3f s; its clocks apart by up to %.6f s" % (
    len(rows), host[-1] - host[0], min(ahead), max(ahead), max(map(abs, apart))))
if max(ahead) - min(ahead) > 2:
    sys.exit("FAILED: the parent's clock jumped or drifts")
if max(map(abs, apart)) > 0.1:
    sys.exit("FAILED: CLOCK_REALTIME and CLOCK_MONOTONIC went apart")
EOS
