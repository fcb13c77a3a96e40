# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The parent's part of graphics.sh: see there. FOLDER has the module.

DISK_IMAGE=graphics
# One connection for all commands: a login costs seconds under emulation.
GUEST_SSH=(-o ControlMaster=auto -o "ControlPath=/tmp/ssh-%p" -o ControlPersist=yes)
GUEST=gfx
PORT=2222
VCPUS=${VCPUS-2}
SIZE=800x600

# gfx COMMAND...: in the guest.
gfx() {
	in_guest "$PORT" "$@"
}

# put_file FILE TO
put_file() {
	guest_ssh 127.0.0.1 "$PORT" "cat >$2 && chmod +x $2" <"$1" || fail "$1 does not reach the guest"
}

# background NAME COMMAND: goes on in the guest; what it says is in /tmp/NAME there.
background() {
	gfx "systemctl reset-failed $1 2>/dev/null; systemd-run -q --unit=$1 -p StandardOutput=truncate:/tmp/$1 -p StandardError=truncate:/tmp/$1 sh -c '$2'" ||
		fail "$1 does not start in the guest"
}

# soon SECONDS WHAT COMMAND...: until it succeeds.
soon() {
	local until=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/tmp/soon 2>&1; do
		[ $SECONDS -lt $until ] || fail "$what: $(tail -n 3 /tmp/soon)"
		sleep 1
	done
	echo "ok: $what"
}

# says_in NAME TEXT: what goes on in the guest as NAME has said it.
says_in() {
	gfx "grep -qF '$2' /tmp/$1" || { gfx "cat /tmp/$1" && return 1; }
}

# shows PATTERN: the screenshot is that pattern, of the right size.
shows() {
	hvctl screenshot "$GUEST" /tmp/gfx.png || return 1
	[ "$(/run/share/picture size /tmp/gfx.png)" = "$SIZE" ] || return 1
	/run/share/picture pattern "$1" /tmp/gfx.png
}

# shows_colours AT_LEAST MOST: so many different ones, and none has more of the screen in %;
# and it is not what the console shows.
shows_colours() {
	local colours share most
	hvctl screenshot "$GUEST" /tmp/gfx.png || return 1
	read -r colours share most < <(/run/share/picture colours /tmp/gfx.png)
	echo "$colours colours, $share % of $most"
	! /run/share/picture pattern 2 /tmp/gfx.png >/dev/null 2>&1 || return 1
	[ "$colours" -ge "$1" ] && [ "$share" -le "$2" ]
}

# What the guest's kernel has to complain about. Virtual machines have some at their start;
# and a module that is not Debian's it always says, and how slow the machine is.
guest_complaints() {
	gfx "dmesg --level=emerg,alert,crit,err,warn" | tail -n "+$((COMPLAINTS + 1))" |
		grep -vE 'taints kernel|module verification failed|hrtimer: interrupt took' || true
	gfx dmesg | grep -E 'BUG:|WARNING:|Oops:|Call Trace|blocked for more|leak' || true
}

guest_is_content() {
	same "$(guest_complaints)" '' "complaints of the guest's kernel $1"
}

draws() {
	gfx 'timeout 120 paint --driver virtio_gpu check 2' >/tmp/draws 2>&1 || fail "$1: $(cat /tmp/draws)"
	grep -q '^GL_RENDERER: virgl' /tmp/draws || fail "$1: $(cat /tmp/draws)"
	echo "ok: $1: $(grep -m1 GL_RENDERER /tmp/draws)"
}

# ---- the parts ----

# begin_guest DISK [XML]: it starts; the XML is the GPU's.
begin_guest() {
	# Its own kernel is the parent's; with it and a small initramfs it starts sooner.
	define "$GUEST" "$VCPUS" "${MIB-1024}" root "<devices>
		<disk type='block'><source dev='$1'/><target dev='sda'/></disk>
		<interface type='user'><portForward proto='tcp'><range start='$PORT' to='22'/></portForward></interface>
		<video><model type='mullion'><resolution x='${SIZE%x*}' y='${SIZE#*x}'/>${2-}</model></video>
		</devices>"
	start "$GUEST"
}

# It has come up, and has what it needs.
guest_is_there() {
	says "$GUEST" 'guest: root: sda1' 300
	reachable "$PORT" 600
	put_file /run/share/paint /usr/local/bin/paint
	put_file /run/share/guest-agent /usr/local/bin/agent
	put_file "$FOLDER/mullion_gpu.ko" /tmp/mullion_gpu.ko
}

start_guest() {
	begin_guest "$(debian_disk)"
	guest_is_there
}

# depmod would look at each of Debian's modules, for minutes under emulation.
load_driver() {
	gfx 'modprobe -a $(modinfo -F depends /tmp/mullion_gpu.ko | tr , " ") && insmod /tmp/mullion_gpu.ko && udevadm settle' ||
		fail "mullion_gpu does not load: $(gfx dmesg | tail -n 5)"
}

# From the stock driver's screen to ours.
hand_over() {
	gfx 'systemctl stop getty@tty1'
	soon 60 "the stock driver's screen" gfx 'grep -qx hyperv_drmdrmfb /sys/class/graphics/fb*/name'
	gfx 'echo 0 >/sys/class/graphics/fbcon/cursor_blink; agent picture 1'
	soon 60 'its picture' shows 1
	COMPLAINTS=$(gfx "dmesg --level=emerg,alert,crit,err,warn" | wc -l)
	load_driver
	soon 60 'its devices' gfx 'ls /dev/dri/renderD128 && ls /sys/bus/platform/devices/mullion-gpu-0/drm/'
	gfx 'udevadm settle; agent picture 2' || fail 'no console'
	soon 60 "the console is on its screen" shows 2
	guest_is_content 'while the screen was handed over'
	hvctl gpu info "$GUEST"
	hvctl gpu info "$GUEST" | grep -q llvmpipe || fail 'no renderer'
}

draw() {
	draws 'Mesa'
	gfx 'modetest -M virtio_gpu -c' >/tmp/modetest 2>&1 || fail "modetest: $(cat /tmp/modetest)"
	grep -E -m1 "^ *#?0? *$SIZE .*preferred" /tmp/modetest || fail "modetest: $(head -n 20 /tmp/modetest)"
	echo "ok: modetest: $SIZE is preferred"
	background screen 'paint --driver virtio_gpu screen 6 77 600'
	soon 120 'a program that draws on the screen' says_in screen 'paint: shown'
	gfx 'cat /tmp/screen'
	soon 30 'what it has drawn, pixel by pixel' shows 77
	gfx 'systemctl stop screen'
	soon 60 'the console is back' shows 2
}

# alike WHAT MOST: the guest's /tmp/scene.raw and the parent's /tmp/direct.raw.
alike() {
	local largest pixels who
	gfx 'cat /tmp/scene.raw' >/tmp/guest.raw
	for who in direct guest; do
		/run/share/picture raw 256 256 "/tmp/$who.raw" "/tmp/$who.png"
	done
	read -r largest pixels < <(/run/share/picture compare /tmp/direct.png /tmp/guest.png)
	check "the parent's $1 and the guest's: $pixels of 65536 pixels differ, by $largest of 255 at most" \
		test "$largest" -le "$2"
}

# The same program with the parent's Mesa, and in the guest: one rasteriser.
compare() {
	/run/share/paint scene /tmp/direct.raw >/tmp/direct || fail "the parent's Mesa: $(cat /tmp/direct)"
	gfx 'paint --driver virtio_gpu scene /tmp/scene.raw' || fail 'the scene in the guest'
	# A shader that goes through another compiler may round another way.
	alike picture 2
}

# in_vulkan COMMAND...: in the guest, by the driver that draws in the parent.
in_vulkan() {
	gfx "VK_LOADER_DRIVERS_SELECT='virtio*' timeout 200 $*"
}

# What Vulkan's processes have of the guest's memory goes back: none is left behind them.
vulkan_is_over() {
	! pgrep 'virgl-[0-9]' >/dev/null && ! hvctl gpu info gfx | grep -q venus
}

# By venus: in the guest's own pages, which processes of hv-gpu's have too.
vulkan() {
	put_file /run/share/vulkan /usr/local/bin/vulkan
	in_vulkan 'vulkaninfo --summary' >/tmp/vulkaninfo 2>&1 || fail "vulkaninfo: $(tail -n 5 /tmp/vulkaninfo)"
	grep -E 'deviceName.*Venus' /tmp/vulkaninfo || fail "vulkaninfo: $(cat /tmp/vulkaninfo)"
	VK_LOADER_DRIVERS_SELECT='lvp*' /run/share/vulkan scene /tmp/direct.raw || fail "the parent's Vulkan"
	in_vulkan 'vulkan scene /tmp/scene.raw' || fail 'the scene by Vulkan in the guest'
	alike Vulkan 0
	in_vulkan 'vulkan check 30' || fail 'frames by Vulkan'
	soon 30 'its memory is given back' vulkan_is_over
	vulkan_process_ends
	guest_is_content 'after programs that draw by Vulkan'
}

# Its context is lost and no other; Mesa's venus ends the program. A new one draws.
vulkan_process_ends() {
	background load "VK_LOADER_DRIVERS_SELECT=virtio* exec vulkan loop"
	background other 'exec paint --driver virtio_gpu loop'
	soon 60 'frames by Vulkan' says_in load 'vulkan: draws'
	soon 60 'frames by OpenGL' says_in other 'paint: draws'
	pkill -9 'virgl-[0-9]' || fail 'no process draws Vulkan'
	soon 30 'its context is lost' vulkan_lost
	in_vulkan 'vulkan check 3' || fail 'Vulkan after the end of its process'
	gfx 'systemctl is-active other' || fail 'the end of a Vulkan process takes OpenGL with it'
	gfx 'systemctl kill -s KILL load other; while systemctl -q is-active load || systemctl -q is-active other; do sleep 0.2; done'
}

vulkan_lost() {
	gfx dmesg | grep 'its process has ended'
}

stock_programs() {
	# It ends when there is something to read for it.
	gfx 'mkfifo /tmp/never && timeout 120 kmscube -D /dev/dri/$(ls /sys/bus/platform/devices/mullion-gpu-0/drm | grep card) -c 20 0<>/tmp/never' >/tmp/kmscube 2>&1 ||
		fail "kmscube: $(tail -n 5 /tmp/kmscube)"
	grep 'renderer:' /tmp/kmscube | grep -q virgl || fail "kmscube: $(cat /tmp/kmscube)"
	echo "ok: kmscube: $(tail -n 1 /tmp/kmscube)"
	# It takes the whole screen, and fails where the size that it is told is the screen's.
	background glmark 'glmark2-es2-drm -s 512x384 -b build:duration=2 -b texture:duration=2 -b shading:duration=2:shading=phong'
	soon 120 'a scene of glmark2' says_in glmark FPS
	soon 60 'glmark2 on the screen' shows_colours 100 95
	cp /tmp/gfx.png /tmp/glmark.png
	soon 200 'glmark2 comes to its end' says_in glmark 'glmark2 Score'
	gfx 'cat /tmp/glmark' | grep -E 'GL_RENDERER|FPS|Score|Size'
	gfx 'grep -q "GL_RENDERER.*virgl" /tmp/glmark' || fail 'glmark2 does not draw with virgl'
}

compositor() {
	background weston 'export XDG_RUNTIME_DIR=/run/weston LIBSEAT_BACKEND=seatd; mkdir -p -m 700 /run/weston; exec weston --backend=drm --renderer=gl --continue-without-input --socket=wayland-1 --idle-time=0'
	soon 120 'weston' says_in weston 'GL renderer: virgl'
	soon 60 "weston's own picture" shows_colours 20 99
	background client 'XDG_RUNTIME_DIR=/run/weston WAYLAND_DISPLAY=wayland-1 exec weston-simple-egl -f'
	soon 90 "a client's triangle" shows_colours 5000 95
	cp /tmp/gfx.png /tmp/weston.png
	gfx 'systemctl stop client weston'
	# It has had a virtual terminal of its own, and the console was cleared after it.
	gfx 'agent picture 2' || fail 'no console'
	soon 60 'the console is back' shows 2
	guest_is_content 'after programs that draw'
}

# hv-gpu ends in the middle of frames.
kill_it() {
	local i
	for ((i = 1; i <= $1; i++)); do
		background load 'exec paint --driver virtio_gpu loop'
		soon 60 'frames' says_in load 'paint: draws'
		replaced gfx hv-gpu
		draws "after the end of hv-gpu number $i"
		gfx 'systemctl kill -s KILL load; while systemctl -q is-active load; do sleep 0.2; done'
	done
	soon 60 'the console is back' shows 2
	guest_is_content "after $1 ends of hv-gpu"
}

# The driver is taken from its device while a program draws.
reload_it() {
	local i
	for ((i = 1; i <= $1; i++)); do
		background load 'exec paint --driver virtio_gpu loop'
		soon 60 'frames' says_in load 'paint: draws'
		gfx 'cd /sys/bus/vmbus/drivers/mullion_gpu && for device in *-*-*; do echo $device >unbind; done' || fail 'unbind'
		gfx 'systemctl kill -s KILL load; while systemctl -q is-active load; do sleep 0.2; done'
		gfx 'rmmod mullion_gpu' || fail 'the module does not go'
		load_driver
		draws "after reload $i"
	done
	gfx 'agent picture 3' || fail 'no console'
	soon 60 'the console is back' shows 3
	guest_is_content "after $1 reloads"
}

graphics() {
	local before
	before=$(accounts)
	start_guest
	hand_over
	draw
	compare
	vulkan
	stock_programs
	compositor
	kill_it "$1"
	reload_it "$2"
	hvctl domstats gfx --gpu
	cp /tmp/glmark.png /tmp/weston.png "$FOLDER"
	hvctl shutdown gfx --wait --timeout 120 || fail 'no shutdown'
	ends gfx 'shutoff (poweroff)'
	balance "$before" 'a guest that draws'
	kernel_is_content
}
