# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The parent's part of gpus.sh, behind that of graphics.sh: see there.

VCPUS=1
MIB=640
declare -A PORTS=([one]=2222 [two]=2223) BEFORE=() PIDS=()

# on GUEST FUNCTION...: a function of graphics-inside.sh, for that guest.
on() {
	GUEST=$1
	PORT=${PORTS[$1]}
	COMPLAINTS=${BEFORE[$1]-0}
	shift
	"$@"
}

both() {
	on one "$@"
	on two "$@"
}

goes_on() {
	gfx "systemctl -q is-active $1" || fail "$GUEST: $1 does not go on: $(gfx "tail -n 5 /tmp/$1")"
}

begin_both() {
	local disks
	mapfile -t disks < <(lsblk -rno PKNAME,PARTUUID | awk '$2 == "5d3c2f6e-7a41-4c0d-8d5b-6775657374d2" { print "/dev/" $1 }')
	on one begin_guest "${disks[0]}" '<gputune><memory unit="MiB">128</memory></gputune>'
	on two begin_guest "${disks[1]}"
	both guest_is_there
	on one hand_over
	BEFORE[one]=$COMPLAINTS
	on two hand_over
	BEFORE[two]=$COMPLAINTS
}

own_pictures() {
	on one background screen 'paint --driver virtio_gpu screen 6 77 600'
	on two background screen 'paint --driver virtio_gpu screen 6 88 600'
	both soon 120 'a program draws on the screen' says_in screen 'paint: shown'
	on one soon 30 'what one has drawn, pixel by pixel' shows 77
	on two soon 30 'what two has drawn, pixel by pixel' shows 88
	both gfx 'systemctl stop screen'
	both soon 60 'the console is back' shows 2
}

# The scenes are long enough for both to be at one when the pictures are taken.
stock_program() {
	both background glmark 'glmark2-es2-drm -s 512x384 -b build:duration=8 -b shading:duration=8:shading=phong'
	both soon 120 'glmark2 has begun' says_in glmark GL_RENDERER
	both soon 60 'glmark2 on the screen' shows_colours 100 95
	both goes_on glmark
	both soon 200 'glmark2 comes to its end' says_in glmark 'glmark2 Score'
	both gfx 'grep -E "GL_RENDERER.*virgl|FPS|Score" /tmp/glmark'
	both soon 60 'the console is back' shows 2
}

# used GUEST: microseconds of CPUs that its hv-gpu has had, in USED; without a process.
used() {
	local name value
	while read -r name value; do
		[ "$name" != usage_usec ] || USED=$value
	done <"/sys/fs/cgroup/mullion.slice/mullion-gpu@$1.service/cpu.stat"
}

# While both have more to draw than the CPUs can, each gets its share.
weights() {
	local one two tenths
	hvctl gpu set one --weight 100 || fail 'the weight of one'
	hvctl gpu set two --weight 300 || fail 'the weight of two'
	both background heavy 'exec paint --driver virtio_gpu heavy 512 200'
	both soon 300 'frames that are much work' says_in heavy 'paint: begins'
	rest 10
	used one && one=$USED
	used two && two=$USED
	rest 40
	used one && one=$((USED - one))
	used two && two=$((USED - two))
	both goes_on heavy
	tenths=$((two * 10 / (one + 1)))
	echo "one: $((one / 1000)) ms, two: $((two / 1000)) ms of the CPUs in 40 s: 1 to $((tenths / 10)).$((tenths % 10))"
	check 'weights of 1 to 3 are 1 to 2.4 up to 1 to 3.6' test "$tenths" -ge 24 -a "$tenths" -le 36
	both gfx 'systemctl kill -s KILL heavy'
	hvctl gpu set two --weight 100
}

note_processes() {
	PIDS=([one]=$(pid_of one hv-gpu) [two]=$(pid_of two hv-gpu))
}

# flood WHAT SIZE COUNT: one does, two draws meanwhile; no hv-gpu ends.
flood() {
	note_processes
	on one background flood "exec paint --driver virtio_gpu flood $2 $3"
	on one soon 60 "$1" says_in flood 'GL_RENDERER: virgl'
	on two draws "two, beside $1"
	on one gfx 'n=0; while systemctl -q is-active flood && [ $n -lt 120 ]; do sleep 1; n=$((n + 1)); done; cat /tmp/flood'
	on one gfx 'systemctl -q is-active flood && systemctl kill -s KILL flood' || true
	on one draws "one, after $1"
	hvctl gpu info one | grep 'GPU memory'
	same "$(pid_of one hv-gpu) $(pid_of two hv-gpu)" "${PIDS[one]} ${PIDS[two]}" "hv-gpu of both after $1"
}

# A picture that takes minutes. Nothing but its end brings hv-gpu out of it: after a minute
# it ends itself.
endless() {
	local until=$((SECONDS + 150)) now
	note_processes
	on one background endless 'exec paint --driver virtio_gpu heavy 4096 60000'
	on one soon 60 'an endless picture' says_in endless 'paint: begins'
	on two draws 'two, beside an endless picture'
	until now=$(pid_of one hv-gpu) && [ -n "$now" ] && [ "$now" != "${PIDS[one]}" ]; do
		[ $SECONDS -lt $until ] || fail 'the hv-gpu of one does not end'
		rest 2
	done
	echo 'ok: one: another hv-gpu'
	on one gfx 'systemctl kill -s KILL endless; while systemctl -q is-active endless; do sleep 0.2; done'
	both draws 'after an endless picture'
	both soon 60 'the console is back' shows 2
	same "$(pid_of two hv-gpu)" "${PIDS[two]}" 'hv-gpu of two'
}

gpus() {
	begin_both
	own_pictures
	weights
	stock_program
	both guest_is_content 'after both have drawn'
	flood 'a flood of memory' 1024 100
	flood 'a flood of textures' 4 20000
	both guest_is_content 'after floods'
	endless
	both guest_is_content 'after an endless picture'
	for guest in one two; do
		hvctl shutdown "$guest" --wait --timeout 120 || fail "no shutdown of $guest"
		ends "$guest" 'shutoff (poweroff)'
	done
	kernel_is_content
}
