#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: fio.sh DIRECTORY
#
# A stock Debian 13 that boots from its disk writes another one and verifies what it has
# written, while the process that serves both is killed, 20 times: before it starts its
# own next kernel by kexec, in that one, and after a reboot. Neither fio nor the guest's
# kernel has anything to complain about, and each kernel has all devices.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"

cp --sparse=always "$SHARE/disk/debian13.img" "$WORK/disk.img"
guests 1500 --memory 3G --disk "$WORK/disk.img" <<'EOS' || fail "a guest that verifies its disk while its provider is killed"
booted
truncate -s 64M /srv/data.img
disk_definition deb 2 512 2222 "$(debian_disk)" '<disk type="file">
<driver type="raw" cache="none"/><source file="/srv/data.img"/><target dev="sdb"/>
</disk>' >/tmp/deb.xml
before=$(accounts)

boot_id() {
	in_guest 2222 cat /proc/sys/kernel/random/boot_id
}

# other_kernel ID: waits for one that is not the one with that boot id.
other_kernel() {
	local now until=$((SECONDS + 400))
	until now=$(boot_id) && [ -n "$now" ] && [ "$now" != "$1" ]; do
		[ $SECONDS -lt $until ] || fail 'no other kernel answers'
		sleep 1
	done
	echo "ok: another kernel answers"
}

# has_devices: all of VMBus's, each with its driver, and what they are good for.
has_devices() {
	hvctl wait deb heartbeat --timeout 300 || fail 'no heartbeat'
	hvctl wait deb ip --timeout 300 || fail 'no address'
	same "$(in_guest 2222 'for i in /sys/bus/vmbus/devices/*; do basename $(readlink $i/driver); done' | sort | xargs)" \
		'hid_hyperv hv_netvsc hv_storvsc hv_utils hv_utils hv_utils hv_utils hyperv_keyboard' drivers
}

# A guest's clock is Hyper-V's in any case. It begins with the RTC's second and a half one
# more (rtc_hctosys), and hv_utils may set that back, which journald notes. The rest is
# worth a look.
guest_is_content() {
	local complaints
	complaints=$(in_guest 2222 dmesg | grep -v 'TSC unstable due to running on Hyper-V' |
		grep -v 'systemd-journald.*Time jumped backwards, rotating' |
		grep -iE "$KERNEL_COMPLAINTS|reset|srb 0x|hung|abort|EXT4-fs (error|warning)|offline") || true
	[ -z "$complaints" ] || fail "the guest's kernel complains: $complaints"
	echo "ok: the guest's kernel is content"
}

# One run after the other, each over the whole disk, until /run/enough is there; the file
# /run/runs counts them.
verify_disk() {
	in_guest 2222 'rm -f /run/enough; n=0
until [ -e /run/enough ]; do
	fio --name=data --filename=/dev/sdb --size=16M --offset=$((n % 4 * 16))M --randseed=$n \
		--ioengine=libaio --direct=1 --iodepth=16 --rw=randwrite --fsync=64 \
		--bssplit=512/5:4k/35:16k/30:64k/25:256k/5 \
		--verify=crc32c --verify_backlog=64 --verify_fatal=1 --output-format=json || exit 1
	n=$((n + 1))
done' >/tmp/fio.json 2>/tmp/fio.log &
	fio=$!
}

# Writes that the hv-storage of now has done.
written() {
	hvctl domstats deb --block 2>/dev/null | awk '$1 == "sdb" { print $6 }'
}

# kills N: hv-storage dies so often, each time in the midst of it.
kills() {
	local n old now until
	verify_disk
	for ((n = 0; n < $1; n++)); do
		until=$((SECONDS + 120))
		until now=$(written) && [ "${now:-0}" -ge 50 ]; do
			kill -0 $fio 2>/dev/null || fail "fio has ended: $(tail -n 3 /tmp/fio.log)"
			[ $SECONDS -lt $until ] || fail 'the guest writes no more'
			rest 0.4
		done
		old=$(pid_of deb hv-storage)
		kill -9 "$old" || fail 'there is no hv-storage'
		until now=$(pid_of deb hv-storage) && [ -n "$now" ] && [ "$now" != "$old" ]; do
			[ $SECONDS -lt $until ] || fail 'no other hv-storage comes'
			rest 0.4
		done
	done
	in_guest 2222 touch /run/enough
	wait $fio || fail "fio: $(grep -v '^ *[]{"}[]' /tmp/fio.json | tail -n 5) $(tail -n 5 /tmp/fio.log)"
	check 'a run of fio has ended' grep -q '"jobname" : "data"' /tmp/fio.json
	same "$(grep -oE '"(error|total_err)" : [0-9]+' /tmp/fio.json | sort -u | xargs)" 'error : 0' "errors of fio in $(grep -c jobname /tmp/fio.json) runs with $1 kills"
	guest_is_content
}

data() {
	in_guest 2222 'dd if=/dev/sdb bs=1M iflag=direct status=none | sha256sum'
}

hvctl define /tmp/deb.xml || fail 'it cannot be defined'
start deb
reachable 2222 400
has_devices
first=$(boot_id)
vsp=$(pid_of deb hv-vsp)
# hvd gives a process up that dies ten times within a minute.
since=$SECONDS
kills 9
data=$(data)
same "$(sha256sum </srv/data.img)" "$data" 'the image'

in_guest 2222 'kexec -l /boot/vmlinuz-* --initrd="$(echo /boot/initrd.img-*)" --reuse-cmdline' || fail 'kexec takes no kernel'
in_guest 2222 systemctl kexec || true
other_kernel "$first"
same "$(pid_of deb hv-vsp)" "$vsp" 'hv-vsp after kexec'
has_devices
same "$(data)" "$data" 'the disk after kexec'
second=$(boot_id)
until [ $SECONDS -gt $((since + 61)) ]; do
	sleep 1
done
kills 9
data=$(data)

hvctl reboot deb || fail 'no reboot'
other_kernel "$second"
check 'a hv-vsp of its own' test "$(pid_of deb hv-vsp)" != "$vsp"
has_devices
same "$(data)" "$data" 'the disk after a reboot'
kills 2
hvctl shutdown deb --wait --timeout 180 || fail 'no shutdown'
ends deb 'shutoff (poweroff)'
balance "$before" 'a guest with disks'
kernel_is_content
EOS
