#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: disks.sh DIRECTORY
#
# Disks of a guest that runs, as an administrator handles them: they come and go, get
# larger, give space back, are read-only, are cached in all ways, and are locked; hvd is
# killed meanwhile. What goes wrong is told with an exit status.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"

guests 1000 <<'EOS' || fail "disks of a guest that runs"
booted
cd /srv
truncate -s 64M a.img b.img c.img d.img
before=$(accounts)
KERNEL_OPTIONS='quiet loglevel=1' define dev 2 256 'vmbus commands' '<devices>
<disk type="file"><driver discard="unmap"/><source file="/srv/a.img"/><target dev="sda"/></disk>
</devices>'
watch_events dev
commands dev
# host_sum FILE MIB COUNT: as sum in the guest, of what is in the file.
host_sum() {
	dd if="$1" bs=1M skip="$2" count="$3" status=none | sha256sum | cut -d' ' -f1
}
# agreed LUN FILE MIB COUNT: the guest writes and flushes; both sides read it back.
agreed() {
	local sum
	sum=$(ask dev "put $1 $3 $4") || fail "a write to disk $1: $sum"
	same "$(host_sum "$2" "$3" "$4")" "$sum" "what the guest has written is in $2"
	same "$(ask dev "sum $1 $3 $4")" "$sum" "and what it reads back"
}
agreed 0 a.img 8 4

echo '-- a disk comes, and goes while it is in use'
b=$(disk_xml sdb /srv/b.img)
hvctl attach-device dev "$b" || fail 'no hot-plug'
must dev 'soon 30 is_there 1; size 1'
told dev device_added sdb
agreed 1 b.img 0 8
refused 5 "there is a disk 'sdb' already" hvctl attach-device dev "$b"
refused 10 'in use' hvctl attach-device dev "$(disk_xml sdc /srv/b.img)"
refused 5 'No such file' hvctl attach-device dev "$(disk_xml sdd /srv/none.img)"
refused 5 'Is a directory' hvctl attach-device dev "$(disk_xml sdd /srv)"
refused 5 'no such device' hvctl detach-device dev "$(disk_xml sdd /srv/d.img)"
refused 5 "no disk 'sdd'" hvctl blockresize dev sdd
refused 3 '' hvctl attach-device nobody "$b"
must dev 'd=/dev/$(disk 1); dd if=/dev/zero of=$d bs=1M seek=32 2>/dev/null & while dd if=$d of=/dev/null bs=64k iflag=direct 2>/tmp/in-use; do :; done & sleep 1; echo in use'
hvctl detach-device dev "$b" || fail 'no hot-unplug'
told dev device_removed sdb
must dev 'soon 30 is_gone 1'
must dev 'soon 30 grep -i "error\|no such" /tmp/in-use'
refused 5 'no such device' hvctl detach-device dev "$b"
sum=$(host_sum b.img 0 8)
hvctl attach-device dev "$b" || fail 'it does not come again'
told dev device_added sdb
must dev 'soon 30 is_there 1'
same "$(ask dev 'sum 1 0 8')" "$sum" 'it has what was written'

echo '-- a block device, without a cache'
loop=$(losetup --find --show c.img)
c=$(disk_xml sdc "$loop" '<driver cache="none"/>')
hvctl attach-device dev "$c" || fail 'no block device'
must dev 'soon 30 is_there 2'
agreed 2 "$loop" 1 8
check 'its data is not copied' grep -q memfd:guest "/proc/$(pid_of dev hv-storage)/maps"
flushes=$(statistic dev sdc flushes)
must dev 'dd if=/dev/zero of=/dev/$(disk 2) bs=4k count=1 conv=fsync 2>&1'
check "a flush of the guest's is one here: $flushes before, $(statistic dev sdc flushes) now" \
	test "$(statistic dev sdc flushes)" -gt "$flushes"
same "$(ask dev 'cat /sys/class/scsi_disk/0:0:0:2/cache_type')" 'write back' 'its cache'
hvctl detach-device dev "$c" || fail 'no hot-unplug of a block device'
told dev device_removed sdc
must dev 'soon 30 is_gone 2'
losetup -d "$loop"

echo '-- larger'
truncate -s 96M b.img
hvctl blockresize dev sdb || fail 'no resize'
must dev 'soon 30 has_size 1 100663296; size 1'
agreed 1 b.img 80 16

echo '-- what is given back'
must dev 'cat /sys/block/$(disk 1)/queue/discard_max_bytes'
same "$(ask dev 'cat /sys/block/$(disk 1)/queue/discard_max_bytes')" 0 'a disk without discard'
must dev 'put 0 0 16'
full=$(du -k a.img | cut -f1)
must dev 'blkdiscard -o 4194304 -l 8388608 /dev/$(disk 0) && sync'
empty=$(du -k a.img | cut -f1)
check "a file of $full KiB has $empty KiB" test $((full - empty)) -ge 8000
same "$(ask dev 'sum 0 4 8')" "$(head -c 8M /dev/zero | sha256sum | cut -d' ' -f1)" 'it reads as zeros'
check "discards are counted: $(statistic dev sda discard_bytes) bytes" \
	test "$(statistic dev sda discard_bytes)" = 8388608

echo '-- read-only, and written through'
sum=$(host_sum d.img 0 4)
hvctl attach-device dev "$(disk_xml sdd /srv/d.img '<readonly/>')" || fail 'no disk that is read-only'
must dev 'soon 30 is_there 3'
same "$(ask dev 'blockdev --getro /dev/$(disk 3)')" 1 'read-only'
same "$(ask dev 'sum 3 0 4')" "$sum" 'what it reads'
may_not dev '' 'put 3 0 1'
same "$(host_sum d.img 0 4)" "$sum" 'nothing was written'
hvctl detach-device dev "$(disk_xml sdd /srv/d.img)" || fail 'no hot-unplug'
told dev device_removed sdd
must dev 'soon 30 is_gone 3'
hvctl attach-device dev "$(disk_xml sdd /srv/d.img '<driver cache="writethrough"/>')" || fail 'no disk that is written through'
must dev 'soon 30 is_there 3'
same "$(ask dev 'cat /sys/class/scsi_disk/0:0:0:3/cache_type')" 'write through' 'its cache'
agreed 3 d.img 0 4

echo '-- locked'
refused 1 'lock' qemu-io -f raw -c 'write 0 512' d.img
rm -f gone.img && truncate -s 1M gone.img
define gone 1 160 'mark:up' '<devices><disk type="file"><source file="/srv/gone.img"/><target dev="sda"/></disk></devices>'
rm gone.img
refused 5 '/srv/gone.img: No such file' hvctl start gone
same "$(hvctl domstate gone)" shutoff 'a guest without its disk'
truncate -s 1M gone.img
ln -sf /srv/b.img gone.img
refused 10 "in use by the partition 'dev', as sdb" hvctl start gone

echo '-- hvd is killed'
old=$(systemctl show --value -p MainPID mullion-hvd)
kill -9 "$old"
until now=$(systemctl show --value -p MainPID mullion-hvd) && [ "$now" != "$old" ] && [ "$now" != 0 ]; do
	rest 0.4
done
hvctl wait dev running --timeout 60 || fail 'the next hvd has no guest'
same "$(hvctl domstate dev --reason)" 'running (adopted)' 'the next hvd has the guest'
served dev sdb
watch_events dev
agreed 1 b.img 0 4
replaced dev hv-storage
served dev sdb
agreed 1 b.img 4 4
hvctl detach-device dev "$b" || fail 'no hot-unplug after that'
told dev device_removed sdb
must dev 'soon 30 is_gone 1'
hvctl attach-device dev "$b" || fail 'no hot-plug after that'
must dev 'soon 30 is_there 1'
agreed 1 b.img 8 4
hvctl domstats dev --block
hvctl shutdown dev --wait --timeout 60 || fail 'no shutdown'
ends dev 'shutoff (poweroff)'
balance "$before" 'disks that came and went'
kernel_is_content
EOS
