# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Runs in the parent of the machines of `tools/bench gpu`, behind lines that set VMM
# (mullion or kvm), PLACES (of direct, and VMM for its guest), SCENES, SIZE, AMOUNT and
# VCPUS, and machine.sh. bench-scenes (gpu/scenes.c) draws in the parent with its own Mesa,
# or in the guest. What it prints is read by gpu.py. A row that fails, also since its guest
# is lost, says "lost" and why; the guest is then started anew for the next one.
# What gpu.py and machine.sh set:
# shellcheck disable=SC2034,SC2153,SC2154

DISK=/dev/vdb # made by gpu/disk: the guest's, and Debian's QEMU
MEMORY_MIB=1024
ROW_SECONDS=300 # the longest that a scene may take to be ready, and to be drawn
PROGRAM=/tmp/bench-scenes
# One login for all: it costs seconds under emulation.
SSH_OPTIONS=(-o ControlMaster=auto -o ControlPath=/tmp/ssh -o ControlPersist=yes)
WIDTH=640 HEIGHT=480 # of guests' screens, and of the scene that is on it

# ---- the guest ----

# Its own kernel and initrd, so that no boot loader is needed.
take_kernel() {
	mkdir -p /tmp/peer
	mount -o ro $DISK /tmp/peer
	mkdir -p /tmp/boot
	cp /tmp/peer/boot/vmlinuz-* /tmp/boot/vmlinuz
	cp /tmp/peer/boot/initrd.img-* /tmp/boot/initrd
	# A cursor that blinks on the screen would be drawn by what is measured.
	command_line "vt.global_cursor_default=0 root=LABEL=mullion-bench"
}

start_mullion() {
	cat >/tmp/guest.xml <<-END
		<domain type="mullion">
		<name>guest</name>
		<memory unit="MiB">$MEMORY_MIB</memory>
		<vcpu>$VCPUS</vcpu>
		<os>
		<kernel>/tmp/boot/vmlinuz</kernel>
		<initrd>/tmp/boot/initrd</initrd>
		<cmdline>$COMMANDLINE</cmdline>
		</os>
		<devices>
		<disk type="block"><driver cache="none"/><source dev="$DISK"/><target dev="sda"/><readonly/></disk>
		<interface type="bridge"><mac address="52:54:00:12:34:57"/><source bridge="br0"/></interface>
		<video><model type="mullion"><resolution x="$WIDTH" y="$HEIGHT"/></model></video>
		</devices>
		</domain>
	END
	hvctl define /tmp/guest.xml >/dev/null
	hvctl start guest --console </dev/null >/tmp/guest.log 2>&1 &
	hvctl wait guest running --timeout 60 || fail 'the guest does not start'
}

stop_mullion() {
	hvctl destroy guest >/dev/null 2>&1 || true
	hvctl wait guest shutoff --timeout 60 >/dev/null 2>&1 || true
}

prepare_kvm() {
	modprobe kvm-amd nested=0
	mount --bind /dev /tmp/peer/dev
	mount -t proc proc /tmp/peer/proc
	mount -t sysfs sysfs /tmp/peer/sys
	mount --bind /tmp /tmp/peer/tmp
	ip tuntap add tap0 mode tap vnet_hdr
	ip link set tap0 master br0 up
	modprobe -a vhost_net bochs
	# Writes by ioeventfd, where a guest's signals arrive. They are counted, not recorded.
	mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null || true
	echo 0 >/sys/kernel/tracing/tracing_on
	{
		echo 'p:signal ioeventfd_write' >/sys/kernel/tracing/kprobe_events
		echo 1 >/sys/kernel/tracing/events/kprobes/signal/enable
	} || say 'signals are not counted'
	until [ -e /dev/dri/card0 ]; do
		[ $SECONDS -lt 300 ] || fail 'no screen of the machine, which QEMU draws with'
		rest 0.5
	done
}

start_kvm() {
	[ -d /tmp/peer/proc/self ] || prepare_kvm
	chroot /tmp/peer /usr/bin/qemu-system-x86_64 -name guest,debug-threads=on -machine q35 -accel kvm -cpu host \
		-smp "$VCPUS" -m "$MEMORY_MIB" -nodefaults -no-user-config -no-reboot \
		-serial stdio -kernel /tmp/boot/vmlinuz -initrd /tmp/boot/initrd -append "$COMMANDLINE" \
		-object iothread,id=io -blockdev driver=host_device,node-name=root,filename=$DISK,cache.direct=on,aio=io_uring,read-only=on \
		-device virtio-blk-pci,drive=root,iothread=io \
		-netdev tap,id=net,ifname=tap0,script=no,downscript=no,vhost=on \
		-device virtio-net-pci,netdev=net,mac=52:54:00:12:34:57,romfile= \
		-vga none -device "virtio-gpu-gl-pci,xres=$WIDTH,yres=$HEIGHT" \
		-display egl-headless,rendernode=/dev/dri/card0 \
		</dev/null >/tmp/guest.log 2>&1 &
	VMM_PID=$!
}

stop_kvm() {
	kill -9 "$VMM_PID" 2>/dev/null || true
	wait "$VMM_PID" 2>/dev/null || true
}

# put FILE: into the guest's /tmp.
put() {
	ssh_guest "cat >/tmp/${1##*/} && chmod 755 /tmp/${1##*/}" <"$1"
}

load_mullion() {
	put /run/share/mullion_gpu.ko
	# shellcheck disable=SC2016 # the guest's shell
	in_guest 'modprobe -a $(modinfo -F depends /tmp/mullion_gpu.ko | tr , " ") && insmod /tmp/mullion_gpu.ko'
}

load_kvm() {
	in_guest modprobe virtio-gpu
}

# A guest that can draw, or why not.
start_guest() {
	: >/tmp/guest.log # wait_for_guest reads it, and not that of the one before
	start_"$VMM"
	wait_for_guest
	put $PROGRAM
	load_"$VMM" || fail "the guest's driver does not load"
	in_guest "until [ -e /dev/dri/renderD128 ]; do sleep 0.2; done & sleep 20 & wait -n" || true
	in_guest test -e /dev/dri/renderD128 || fail 'the guest has no render node'
	say "guest $(in_guest uname -r)"
}

# ---- rows ----

# What is counted beside the usual.
counters_here() {
	[ "$1" != direct ] || return 0
	counters
	case $VMM in
	mullion) echo "bench: gpu $(hvctl domstats guest --gpu --json 2>/dev/null | tr -d '\n')" ;;
	kvm) awk '{ print "bench: count signals", $2 }' /sys/kernel/tracing/kprobe_profile 2>/dev/null || true ;;
	esac
}

# draw PLACE ARGUMENT...: the program there.
draw() {
	local place=$1
	shift
	case $place in
	direct) LIBGL_ALWAYS_SOFTWARE=1 $PROGRAM "$@" ;;
	*) ssh_guest $PROGRAM "$@" ;;
	esac 2>/tmp/scene.log
}

# answer [WORD]: a line of the program, in LINE.
answer() {
	if ! read -r -t $ROW_SECONDS -u "$FROM" LINE; then
		LINE="no answer, $(tail -n 1 /tmp/scene.log)"
		return 1
	fi
	[ -z "${1-}" ] || [ "$LINE" = "$1" ] || { LINE="not '$1' but '$LINE'" && return 1; }
}

# scene PLACE SCENE: 1: LINE says why it failed.
scene() {
	answer ready || return 1
	say "before $1 $2"
	counters_here "$1"
	say "begin $1 $2"
	echo >&"$TO" && answer drawn || return 1
	say "end $1 $2"
	say "after $1 $2"
	counters_here "$1"
	echo >&"$TO" && answer || return 1
	say "result $LINE"
}

row() {
	local place=$1 scene=$2 size=$SIZE FROM TO LINE=''
	[ "$scene" != screen ] || size=${WIDTH}x$HEIGHT
	{ coproc DRAWING { draw "$place" --size "$size" --amount "$AMOUNT" --step "$scene"; }; } 2>/dev/null
	exec {FROM}<&"${DRAWING[0]}" {TO}>&"${DRAWING[1]}"
	local pid=$DRAWING_PID
	if ! scene "$place" "$scene"; then
		say "lost $place $scene $LINE"
		[ "$place" != mullion ] || journalctl -q -b --no-pager -n 20 -o cat -u 'mullion-gpu@*' || true
		kill -9 -- "$pid" 2>/dev/null || true
	fi
	exec {FROM}<&- {TO}>&-
	wait "$pid" || true
}

# The guest of a row that was lost may be in order; if not, another takes its place.
see_to_guest() {
	in_guest true && return 0
	tail -n 5 /tmp/guest.log
	ssh_guest -O exit 2>/dev/null || true
	say "guest-lost $1"
	stop_"$VMM"
	SECONDS=0
	start_guest
}

trap '' PIPE # a program that has ended ends its row
systemctl is-system-running --wait >/dev/null || true
install -m 600 /run/share/key /tmp/key
install -m 755 /run/share/bench-scenes $PROGRAM
make_bridge
take_kernel
for place in $PLACES; do
	[ "$place" = direct ] || start_guest
	for name in nothing $SCENES; do
		# The parent has no screen that a program draws to.
		[ "$place $name" != 'direct screen' ] || continue
		row "$place" "$name"
		[ "$place" = direct ] || see_to_guest "$name"
	done
done
say 'done'
