# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Put before each test's own script in the parent: what such scripts share.

set -euo pipefail

fail() {
	printf 'FAILED in the parent: %s\n' "$*"
	exit 1
}

# check WHAT COMMAND...
check() {
	local what=$1
	shift
	"$@" || fail "$what"
	printf 'ok: %s\n' "$what"
}

same() {
	[ "$1" = "$2" ] || fail "$3: '$1', not '$2'"
	printf 'ok: %s: %s\n' "$3" "$1"
}

# rest SECONDS: without a process. One costs tens of milliseconds of an emulated machine,
# and who asks again and again takes them from what is waited for.
exec {NEVER}<> <(:)
rest() {
	read -rt "$1" -u "$NEVER" || true
}

# Up, and nothing failed on the way. Drivers may still be coming in after that,
# and the kernel refuses CPU hotplug while it probes one.
booted() {
	local state
	state=$(systemctl is-system-running --wait) || true
	[ "$state" = running ] || systemctl --failed --no-legend
	same "$state" running 'systemctl is-system-running'
	udevadm settle
}

# A child that never rests for each CPU. Its kernel is the disk that is an ELF file.
share_the_cpus() {
	local disk cpu
	udevadm wait --timeout=20 /dev/mshv
	for disk in /dev/vd?; do
		[ "$(head -c 4 "$disk" | tr -dc '[:upper:]')" != ELF ] || cat "$disk" >/tmp/child
	done
	for ((cpu = 0; cpu < $(nproc); cpu++)); do
		taskset -c "$cpu" /usr/libexec/mullion/hv-worker --run --memory 32M --kernel /tmp/child --cmdline spin \
			</dev/null >/dev/null 2>&1 &
	done
	sleep 2
	same "$(jobs -r | wc -l)" "$(nproc)" 'children that spin'
}

# Mullion's signature in CPUID leaf 0x40000000, on every CPU. Without mullion_root:
# it leaves CPUID to the hardware.
hypervisor_on_every_cpu() {
	local device text count=0
	modprobe cpuid
	systemctl stop mullion-hvd && modprobe -r mullion_root
	for device in /dev/cpu/[0-9]*/cpuid; do
		# The leaf is the file's position, in units of one byte.
		text=$(dd if="$device" bs=16 count=1 skip=$((0x40000000)) iflag=skip_bytes status=none | tail -c 12 | tr -d '\0')
		[ "$text" = Mullion ] || fail "$device: the hypervisor calls itself '$text'"
		count=$((count + 1))
	done
	same "$count" "$(nproc)" 'CPUs with Mullion under them'
	modprobe mullion_root && systemctl start mullion-hvd
}

# parent_is_whole CPUS bios|uefi: it has come up in a machine of that kind.
parent_is_whole() {
	systemd-analyze | head -n 1
	same "$(nproc)" "$1" nproc
	same "$(test -d /sys/firmware/efi && echo uefi || echo bios)" "$2" firmware
}

# hv_is_whole CPUS: hv has them all.
hv_is_whole() {
	hypervisor_on_every_cpu
	check 'CPUID announces a hypervisor' grep -qw hypervisor /proc/cpuinfo
	hvctl version
	same "$(hvctl version | awk '/^CPUs/ { print $2 }')" "$1" 'CPUs in guest mode'
	check 'the log reaches the parent' grep -q 'starting the parent' <(hvctl dmesg)
	hvctl domstats 0
	same "$(hvctl --json domstats 0 | grep -o '"vcpu":' | wc -l)" "$1" 'VPs in the statistics'
}

# What the kernel says when an interrupt got lost, a clock jumped or a CPU hung.
KERNEL_COMPLAINTS='lost interrupt|nobody cared|No irq handler|spurious|unstable|soft lockup|hard LOCKUP|rcu.*(stall|starved)'
KERNEL_COMPLAINTS+='|blocked for more than|timed? ?out|NETDEV WATCHDOG|Uhhuh|NMI received|clocksource.*skew|BUG:|WARNING:|Oops:|Call Trace|I/O error|time.*backwards|Machine check'

kernel_is_content() {
	local complaints
	# A clocksource watchdog that was held up between two readings, by a child's turn or
	# by the machine that emulates this one, says that it has compared nothing.
	complaints=$(dmesg | grep -v 'clock-skew test skipped' | grep -iE "$KERNEL_COMPLAINTS") || true
	[ -z "$complaints" ] || fail "the kernel complains: $complaints"
	echo 'ok: no complaint in the kernel log'
}

# irq_count PATTERN: interrupts counted on all CPUs in the matching lines.
irq_count() {
	awk -v pattern="$1" '$0 ~ pattern { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) n += $i } END { print n + 0 }' /proc/interrupts
}

# irq_count_cpu PATTERN CPU
irq_count_cpu() {
	awk -v pattern="$1" -v name="CPU$2" '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) column = i + 1 }
		NR > 1 && column && $0 ~ pattern { n += $column }
		END { print n + 0 }' /proc/interrupts
}

