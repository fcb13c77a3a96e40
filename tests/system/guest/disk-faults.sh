#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: disk-faults.sh DIRECTORY
#
# What is wrong with a disk is the guest's to see and the administrator's to hear: a file
# system that is full, a medium with errors, an image in qcow2 whose process dies. What was
# flushed is never lost, and once the fault is mended the guest goes on.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"

guests 1000 <<'EOS' || fail "faults of disks"
booted
cd /srv
truncate -s 64M a.img
mkdir full
mount -t tmpfs -o size=16M tmpfs full
truncate -s 64M full/b.img
KERNEL_OPTIONS='quiet loglevel=1' define dev 2 256 'vmbus commands' '<devices>
<disk type="file"><source file="/srv/a.img"/><target dev="sda"/></disk>
<disk type="file"><driver discard="unmap"/><source file="/srv/full/b.img"/><target dev="sdb"/></disk>
</devices>'
watch_events dev
commands dev

echo '-- no room'
sum=$(ask dev 'put 1 0 12') || fail "12 MiB of 16: $sum"
may_not dev 'No space left' 'put 1 12 12'
must dev 'dmesg | grep -m1 "critical space allocation error"'
told dev device_error sdb no_space
same "$(ask dev 'sum 1 0 12')" "$sum" 'what was flushed before'
mount -o remount,size=64M full
must dev 'put 1 12 12'
same "$(ask dev 'sum 1 0 12')" "$sum" 'what was flushed before'
must dev 'blkdiscard -o 0 -l 12582912 /dev/$(disk 1)'
check "space is given back: $(du -m full/b.img)" test "$(du -m full/b.img | cut -f1)" -lt 14

echo '-- an image in qcow2'
qemu-img create -q -f qcow2 q.qcow2 64M
q=$(disk_xml sdc /srv/q.qcow2 '<driver type="qcow2" discard="unmap"/>')
hvctl attach-device dev "$q" || fail 'no hot-plug of an image'
must dev 'soon 30 is_there 2; size 2'
refused 10 'in use' hvctl attach-device dev "$(disk_xml sdd /srv/q.qcow2 '<driver type="qcow2"/>')"
refused 7 '' hvctl blockresize dev sdc
sum=$(ask dev 'put 2 16 8') || fail "a write to an image: $sum"
same "$(ask dev 'sum 2 16 8')" "$sum" 'what was written'
replaced dev hv-storage
told dev device_error hv-storage
served dev sdc
same "$(ask dev 'sum 2 16 8')" "$sum" 'what was written, by another hv-storage'
must dev 'put 2 0 8'
must dev 'cat /sys/block/$(disk 2)/queue/discard_granularity; blkdiscard -o 0 -l 8388608 /dev/$(disk 2)'
hvctl detach-device dev "$q" || fail 'no hot-unplug of an image'
told dev device_removed sdc
must dev 'soon 30 is_gone 2'
until ! systemctl is-active -q mullion-image@dev:sdc; do rest 0.4; done
qemu-img check q.qcow2
same "$(qemu-img dd -f qcow2 -O raw if=q.qcow2 of=q.raw bs=1M && dd if=q.raw bs=1M skip=16 count=8 status=none | sha256sum | cut -d' ' -f1)" "$sum" 'what the image has'
check 'the discarded part is not in the image' test "$(qemu-img map --output=json q.qcow2 | grep -c '"start": 0,.*"data": false')" = 1
hvctl attach-device dev "$q" || fail 'it does not come again'
must dev 'soon 30 is_there 2'
same "$(ask dev 'sum 2 16 8')" "$sum" 'it has what was written'
kill -9 "$(systemctl show --value -p MainPID mullion-image@dev:sdc)"
told dev device_error sdc 'died'
may_not dev 'error' 'sum 2 16 8'
told dev device_error sdc read_error
hvctl detach-device dev "$q" || fail 'a dead image cannot be detached'
must dev 'soon 30 is_gone 2'
hvctl attach-device dev "$q" || fail 'it does not come again at once'
must dev 'soon 30 is_there 2'
same "$(ask dev 'sum 2 16 8')" "$sum" 'what was flushed before its process died'

kernel_is_content
echo '-- a medium with errors'
truncate -s 64M bad.img
loop=$(losetup --find --show bad.img)
good=(131072 linear "$loop 0")
bad=$(/run/share/dm create bad "${good[@]}") || fail 'no device-mapper'
udevadm settle
hvctl attach-device dev "$(disk_xml sde "$bad" '<driver cache="none"/>')" || fail 'no hot-plug'
must dev 'soon 30 is_there 4'
sum=$(ask dev 'put 4 0 4') || fail "a write: $sum"
/run/share/dm load bad 131072 error ''
may_not dev '' 'sum 4 0 4'
told dev device_error sde read_error 'Input/output error'
may_not dev '' 'put 4 8 1'
told dev device_error sde write_error 'Input/output error'
/run/share/dm load bad "${good[@]}"
same "$(ask dev 'sum 4 0 4')" "$sum" 'on a medium without errors'
must dev 'put 4 8 1'

echo '-- hv-storage is killed while the kernel still has a write in hand'
/run/share/dm load bad 131072 delay "$loop 0 60000"
must dev 'put 4 16 1 >/tmp/slow 2>&1 & soon 30 grep -q "[1-9]" /sys/block/$(disk 4)/inflight && sleep 1'
replaced dev hv-storage
until journalctl -b -o cat -u mullion-storage@dev | grep -F 'waits for requests of the process before'; do
	[ -z "$(ask dev 'cat /tmp/slow')" ] || fail 'the next process does not wait'
	rest 0.4
done
# What is delayed goes on at once.
/run/share/dm load bad "${good[@]}"
must dev 'soon 60 test -s /tmp/slow'
same "$(ask dev 'sum 4 16 1')" "$(ask dev 'cat /tmp/slow')" 'what was written then'
hvctl shutdown dev --wait --timeout 60 || fail 'no shutdown'
ends dev 'shutoff (poweroff)'
EOS
