#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: driver.sh DIRECTORY KERNEL MODULE IOCTLS [KILLS [RELOADS]]
#
# MODULE, mullion_gpu.ko, in a small guest with the stock kernel KERNEL (debian13,
# debian12): each ioctl and its errors (IOCTLS), the console, hot-plug; hv-gpu is killed
# KILLS times and the module taken out RELOADS times while a program has a context and the
# screen. The guest's kernel has nothing to complain about.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/../lib.sh"
MODULE=$3 IOCTLS=$4
KILLS=${5-5} RELOADS=${6-5}

# The medium's initramfs with both files behind it.
mkdir -p "$SHARE/$TEST" "$WORK/tree/bin"
"$TOP/tools/in-root" strip --strip-debug -o "$WORK/tree/mullion_gpu.ko" "$MODULE"
"$TOP/tools/in-root" strip -o "$WORK/tree/bin/ioctls" "$IOCTLS"
"$TOP/tools/in-root" bash -c 'cd "$1" && find . -mindepth 1 | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0' - "$WORK/tree" |
	gzip -1n | cat "$SHARE/medium/initrd.img" - >"$SHARE/$TEST/initrd.img"

guests $((600 + KILLS * 20 + RELOADS * 20)) <<EOS || fail "mullion_gpu in a small guest"
booted
GUEST_KERNEL=$2 KILLS=$KILLS RELOADS=$RELOADS
cp /run/share/$TEST/initrd.img "\$GUESTS/initrd.img"
$(cat <<'END'
[ "$GUEST_KERNEL" = debian13 ] || KERNEL=$GUESTS/vmlinuz-$GUEST_KERNEL
before=$(accounts)
define drv 2 512 'vmbus commands' '<devices>
<video><model type="mullion"><resolution x="1024" y="768"/></model></video>
</devices>'
commands drv

# shown SEED WHAT: the screenshot is that pattern, sooner or later.
shown() {
	local until=$((SECONDS + 60))
	until hvctl screenshot drv /tmp/drv.png && /run/share/picture pattern "$1" /tmp/drv.png >/tmp/picture; do
		[ $SECONDS -lt $until ] || fail "$2: $(cat /tmp/picture)"
		sleep 1
	done
	echo "ok: $2"
}

load() {
	must drv 'insmod /mullion_gpu.ko && soon 60 test -c /dev/dri/renderD128 && soon 60 test -c /dev/fb0'
	must drv 'echo 0 >/sys/class/graphics/fbcon/cursor_blink'
}

# mullion_gpu's own needs; hyperv_drm has them too.
must drv 'for m in drm_kms_helper drm_shmem_helper; do modprobe $m; done'
load
ask drv 'dmesg | grep -iE "mullion|virtio_gpu|drm" | tail -n 20'
hvctl gpu info drv
must drv 'agent picture 1'
shown 1 'the console is on the screen'
ASK_SECONDS=200
must drv 'ioctls'
must drv 'step_content'
must drv 'agent picture 2'
shown 2 'the console is back'

hvctl gpu display drv --size 1280x720 || fail 'another size'
# The console looks only for modes that its picture has room for: somebody else asks.
must drv 'offers() { echo detect >$1/status && grep -q $2 $1/modes; }; soon 30 offers /sys/class/drm/card*-Virtual-1 1280x720'

for ((i = 1; i <= KILLS; i++)); do
	must drv '(ioctls hold >/tmp/hold 2>&1 &) ; soon 60 grep -q holds /tmp/hold'
	replaced drv hv-gpu
	must drv 'soon 60 ioctls'
	must drv 'killall -9 ioctls; rm /tmp/hold'
done
[ "$KILLS" = 0 ] || shown 2 "the console is back after $KILLS ends of hv-gpu"
must drv 'step_content'

for ((i = 1; i <= RELOADS; i++)); do
	must drv '(ioctls hold >/tmp/hold 2>&1 &) ; soon 60 grep -q holds /tmp/hold'
	must drv 'cd /sys/bus/vmbus/drivers/mullion_gpu && for d in *-*-*; do echo $d >unbind; done'
	must drv 'killall -9 ioctls; rm /tmp/hold; cd /; soon 20 rmmod mullion_gpu'
	load
done
must drv 'ioctls'
must drv 'agent picture 3'
shown 3 "the console is back after $RELOADS reloads"
must drv 'step_content'
ask drv 'cat /sys/kernel/debug/dri/*/mullion_gpu || { mount -t debugfs debug /sys/kernel/debug; cat /sys/kernel/debug/dri/*/mullion_gpu; }'
hvctl domstats drv --gpu
hvctl destroy drv
ends drv 'shutoff (requested)'
balance "$before" 'a guest with mullion_gpu'
kernel_is_content
END
)
EOS
