#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: devices.sh DIRECTORY KERNEL
#
# Every VMBus device in use by the drivers that the kernel has: a disk written and read,
# an address by DHCP, a heartbeat, a shutdown and a reboot that hvctl asks for.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"

guests 600 <<EOS || fail "a guest's VMBus devices"
booted
GUEST_KERNEL=$2
$(cat <<'END'
[ "$GUEST_KERNEL" = debian13 ] || KERNEL=$GUESTS/vmlinuz-$GUEST_KERNEL
truncate -s 64M /srv/disk.img
before=$(accounts)
define dev 2 256 'vmbus disk:8 net content wait' '<devices>
<disk type="file"><driver type="raw"/><source file="/srv/disk.img"/><target dev="sda" bus="scsi"/></disk>
<interface type="user"><mac address="52:54:00:12:34:56"/></interface>
</devices>'
start dev
hvctl wait dev heartbeat --timeout 90 || fail 'no heartbeat'
echo 'ok: a heartbeat'
says dev 'guest: vmbus: hv_storvsc has'
says dev 'guest: vmbus: hv_netvsc has'
says dev 'guest: vmbus: hyperv_keyboard has'
says dev 'guest: vmbus: hid_hyperv has'
says dev 'guest: disk: sda has 67108864 bytes'
says dev 'guest: disk: the first 8 MiB are'
says dev 'guest: net: eth0 52:54:00:12:34:56 has 10.0.2.'
says dev 'answers'
says dev 'guest: the kernel is content'
says dev 'guest: waits'
sum=$(console dev | sed -n 's/^guest: disk: the first 8 MiB are //p')
check 'each device has its driver' test "$(console dev | grep -c 'guest: vmbus: none has')" = 0
hvctl send-key dev leftctrl c || fail 'no keys'
hvctl dominfo dev
hvctl domstats dev --block
hvctl domstats dev --net
hvctl reboot dev || fail 'no reboot'
says dev 'guest: asked to reboot'
says dev 'guest: waits' 180 2
same "$(console dev | sed -n 's/^guest: disk: the first 8 MiB were //p' | tail -n 1)" "$sum" 'the disk after a reboot'
hvctl shutdown dev --wait --timeout 60 || fail 'no shutdown'
says dev 'guest: asked to power off'
ends dev 'shutoff (poweroff)'
balance "$before" 'a guest with devices'
kernel_is_content
END
)
EOS
