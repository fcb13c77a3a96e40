#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: vmbus-hostile.sh DIRECTORY VMBUS-GUEST
#
# A guest that does to the VMBus server, and to the providers of its disk and its network,
# what no driver does (VMBUS-GUEST, tests/system/hostile), beside a Linux guest that uses
# its own disk all the while. The hostile one tells itself what the answers were, and that
# its devices still work for who asks properly. Here is looked at what it costs the parent:
# processes that go on, their memory and descriptors, lines in the journal and in hv's log,
# events, and the account of memory when it is destroyed.
#
# MULLION_HOSTILE_SCENARIOS: others than all of them, MULLION_HOSTILE_SEED.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"
cp "$2" "$SHARE/vmbus-guest"

{
	printf 'seed=%s scenarios="%s"\n' "${MULLION_HOSTILE_SEED:-1}" \
		"${MULLION_HOSTILE_SCENARIOS:-protocol gpadls deaf rounds rings packets}"
	cat <<'EOS'
booted
cp /run/share/vmbus-guest "$GUESTS"
truncate -s 64M /srv/neighbour.img /srv/hostile.img
before=$(accounts)

# kB that a process may have at its peak, over what it has at its start. The hostile guest
# has six light channels, one of storage and one of network, two VPs.
# hv-vsp: 8 MiB of page numbers in GPADLs, as much again for the heap's holes, 2.5 MiB of
# one step's actions and of the messages that wait for it, two pages of each journal.
# hv-storage: 32 MiB of copies, 256 requests of 10 KiB, a journal of 1 MiB for each channel.
# hv-net: 1 MiB of frames that wait for each queue, 0.25 MiB of page numbers, journals.
declare -A most=([hv-vsp]=24576 [hv-storage]=40960 [hv-net]=8192)
declare -A pid peak files

devices() {
	cat <<-END
		<devices>
		<disk type="file"><source file="/srv/$1.img"/><target dev="sda"/></disk>
		<interface type="user"/>
		</devices>
	END
}

# What the guest churns is its disk's; what its kernel has to complain about is on its console.
KERNEL_OPTIONS=loglevel=5 define neighbour 2 256 'vmbus net churn:100000' "$(devices neighbour)"
start neighbour
says neighbour 'churn: round 1' 300
with_neighbour=$(accounts | grep -v donated)
said neighbour 'churn: round'
first_round=$SAID
goes_on() {
	said neighbour 'churn: round'
	says neighbour 'churn: round' 120 $((SAID + 1))
	echo "ok: $1: the neighbour goes on, round $SAID"
}

peak_of() {
	awk '/^VmHWM/ { print $2 }' "/proc/$1/status"
}
files_of() {
	find "/proc/$1/fd" -mindepth 1 | wc -l
}
journal() {
	journalctl -b -o cat "$@" | wc -l
}

# run NAME: a guest of that name does the scenario of that name.
run() {
	local name=$1 who began=$SECONDS daemon hv
	daemon=$(journal -u mullion-hvd)
	hv=$(hvctl dmesg | wc -l)
	KERNEL=$GUESTS/vmbus-guest definition "$name" 2 64 "$name seed=$seed" "$(devices hostile)" |
		sed '/<initrd>/d' >"/tmp/$name.xml"
	hvctl define "/tmp/$name.xml" || fail "$name cannot be defined"
	hvctl event --loop "$name" >/tmp/events &
	listener=$!
	start "$name"
	for who in hv-vsp hv-storage hv-net; do
		pid[$who]=$(pid_of "$name" $who)
		peak[$who]=$(peak_of "${pid[$who]}")
		files[$who]=$(files_of "${pid[$who]}")
	done
	says "$name" "vmbus: $name: done" 600
	console "$name" | sed -n 's/^vmbus: /-- /p'
	same "$(hvctl domstate "$name")" running "$name: state"
	for who in hv-vsp hv-storage hv-net; do
		check_process "$name" $who
	done
	kill $listener
	check_lines "$name" $((SECONDS - began)) "$daemon" "$hv"
	goes_on "$name"
	hvctl destroy "$name"
	balance "$with_neighbour" "$name"
}

# None of the guest's processes has died, or keeps what it does not need.
check_process() {
	local name=$1 who=$2 more now
	same "$(pid_of "$name" "$who")" "${pid[$who]}" "$name: process id of $who"
	more=$(($(peak_of "${pid[$who]}") - ${peak[$who]}))
	check "$name: $who had ${peak[$who]} kB, and up to $more kB more" [ $more -lt "${most[$who]}" ]
	now=$(files_of "${pid[$who]}")
	check "$name: descriptors of $who: ${files[$who]}, $now" [ "$now" -le "${files[$who]}" ]
}

# 10 lines in 5 s are what hv-vsp says and hvd passes on; events: those, and 5 in 1 s.
check_lines() {
	local name=$1 seconds=$2 lines
	lines=$(journal -u "mullion-vsp@$name" -u "mullion-storage@$name" -u "mullion-net@$name")
	check "$name: $lines lines of its processes in $seconds s" [ "$lines" -le $((2 * seconds + 40)) ]
	lines=$(($(journal -u mullion-hvd) - $3))
	check "$name: $lines lines of hvd" [ $lines -le $((2 * seconds + 40)) ]
	lines=$(($(hvctl dmesg | wc -l) - $4))
	check "$name: $lines lines in the log of hv" [ $lines -le 20 ]
	lines=$(wc -l </tmp/events)
	check "$name: $lines events" [ "$lines" -le $((7 * seconds + 40)) ]
}

for name in $scenarios; do
	run "$name"
done
said neighbour 'churn: round'
check "the neighbour's rounds meanwhile: $((SAID - first_round))" [ "$SAID" -gt $((first_round + 3)) ]
complaints=$(console neighbour | grep -iE 'FAILED|error|BUG:|WARNING:|Call Trace|lockup|stall|blocked for') || true
same "$complaints" '' 'what the neighbour complains about'
hvctl shutdown neighbour --wait --timeout 120 || fail 'the neighbour does not shut down'
ends neighbour 'shutoff (poweroff)'
complaints=$(hvctl dmesg | grep -iE 'panic|assert|killed|backtrace|ended with') || true
same "$complaints" '' 'what hv complains about'
balance "$before" 'all of it'
kernel_is_content
EOS
} | guests 1300 || fail "a guest did more than it may"
