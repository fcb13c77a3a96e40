#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: with-hvd-test.sh HVCTL HVD WORKER DEVICES
#
# hvctl and hvd together, with workers that have no guests: the whole life of a
# partition as a person or a script types it, and what they get to see.

set -uo pipefail

HVCTL=$1
HVD=$2
WORKER=$3
DEVICES=$4
WORK=$(mktemp -d)
SOCKET=$WORK/run/hvd.sock
hvd=
failures=0
export TZ=UTC TMPDIR=$WORK

end() {
	local pid
	[ -z "$hvd" ] || kill -9 "$hvd"
	# The workers outlive their daemon.
	for pid in "${workers[@]}"; do
		kill "$pid" 2>/dev/null
	done
	rm -rf "$WORK"
}
workers=()
trap end EXIT

fail() {
	echo "FAIL: $*"
	failures=$((failures + 1))
}

hvctl() {
	"$HVCTL" --connect "$SOCKET" "$@"
}

# expect STATUS STDOUT-PATTERN STDERR-PATTERN WORD... : patterns are bash's, of
# the whole output; '' is no output.
expect() {
	local status=$1 out=$2 err=$3 got
	shift 3
	hvctl "$@" >"$WORK/out" 2>"$WORK/err" </dev/null
	got=$?
	[ "$got" -eq "$status" ] || fail "hvctl $*: exit status $got, not $status"
	# shellcheck disable=SC2053 # patterns
	[[ $(cat "$WORK/out") == $out ]] || fail "hvctl $*: printed: $(cat "$WORK/out")"
	# shellcheck disable=SC2053
	[[ $(cat "$WORK/err") == $err ]] || fail "hvctl $*: said: $(cat "$WORK/err")"
}

# process_of NAME ROLE
process_of() {
	hvctl dominfo "$1" --json | sed "s/.*\"$2_pid\":\\([0-9]*\\).*/\\1/"
}

remember_worker() {
	workers+=("$(process_of "$1" worker)" "$(process_of "$1" vsp)")
}

start_daemon() {
	mkdir "$WORK/config"
	"$HVD" --config "$WORK/config" --run "$WORK/run" --device "$WORK/none" --mshv /dev/null \
		--spawn "$WORKER" --spawn-vsp "$DEVICES" --spawn-storage "$DEVICES" --spawn-net "$DEVICES" \
		--spawn-gpu "$DEVICES" \
		--without-hypervisor 2>"$WORK/log" &
	hvd=$!
	for _ in {1..100}; do
		hvctl list >/dev/null 2>&1 && return
		sleep 0.05
	done
	fail "hvd does not answer: $(cat "$WORK/log")"
	exit 1
}

# A multiboot header is a kernel that hvd takes.
make_definition() {
	{
		head -c 4096 /dev/zero
		printf '\x02\xb0\xad\x1b'
		head -c 4096 /dev/zero
	} >"$WORK/kernel"
	cat >"$WORK/web.xml" <<EOF
<domain type='mullion'>
  <name>web</name>
  <title>Über web</title>
  <memory unit='MiB'>64</memory>
  <vcpu>2</vcpu>
  <os>
    <kernel>$WORK/kernel</kernel>
  </os>
</domain>
EOF
}

definitions() {
	expect 0 '' '' validate "$WORK/web.xml"
	expect 0 '{"schema":1,"name":"web"}' '' define --dry-run --json "$WORK/web.xml"
	expect 0 'ID *STATE*' '' list --all
	sed 's/<vcpu>2/<vcpu>two/' "$WORK/web.xml" >"$WORK/bad.xml"
	expect 5 '' "hvctl: $WORK/bad.xml:5: <vcpu>: *two*" define "$WORK/bad.xml"
	expect 5 '' "{\"schema\":1,\"error\":{\"code\":5,\"message\":\"<vcpu>:*\",\"file\":\"$WORK/bad.xml\",\"line\":5}}" \
		validate "$WORK/bad.xml" --json
	expect 5 '' 'hvctl: <stdin>: empty' define - # /dev/null
	expect 0 '{"schema":1,"name":"web","uuid":"*","replaced":false}' '' define "$WORK/web.xml" --json
	expect 5 '' "hvctl: $WORK/web.xml:2: <name>: 'web' is in use*" define "$WORK/web.xml"
	expect 0 '*NAME *STATE *web *shutoff *2 *64.0 *no' '' list --all
	expect 0 '' '' list --format name
	expect 0 'web' '' list --inactive --format name
	expect 0 '<domain*<name>web</name>*' '' dumpxml web
	hvctl dumpxml web >"$WORK/again.xml"
	expect 0 '{*"replaced":true}' '' define "$WORK/again.xml" --json
}

editing() {
	VISUAL='sed -i s/Über/Unter/' expect 0 '' '' edit web
	expect 0 '*title *Unter web*' '' dominfo web
	VISUAL='sed -i s/mullion/milion/' expect 5 '' 'hvctl: */hvctl-*.xml:1: <domain>: *' edit web
	VISUAL='sed -i -e /uuid/d -e "s/>web/>bew/"' expect 5 '' \
		"hvctl: */hvctl-*.xml: <name>: 'bew' would be another partition than 'web'" edit web
	expect 0 'web' '' list --all --format name
}

# A person at a terminal mends what is wrong, or leaves it and finds it again.
at_a_terminal() {
	local kept
	cat >"$WORK/editor" <<-EOF
		#!/bin/sh
		if [ -e $WORK/second ]; then
			sed -i 's/milion/mullion/; s/Unter/Ueber/' "\$1"
		else
			: >$WORK/second
			sed -i s/mullion/milion/ "\$1"
		fi
	EOF
	chmod +x "$WORK/editor"
	echo y | VISUAL=$WORK/editor script -qec "$HVCTL --connect $SOCKET edit web" /dev/null >"$WORK/out"
	[[ $(cat "$WORK/out") == *milion*'Edit it again? [Y/n]'*"'web': its definition is replaced"* ]] ||
		fail "edit at a terminal: $(cat "$WORK/out")"
	expect 0 '*title *Ueber web*' '' dominfo web

	rm "$WORK/second"
	echo n | VISUAL=$WORK/editor script -qec "$HVCTL --connect $SOCKET edit web" /dev/null >"$WORK/out"
	kept=$(sed -n 's/.*what you edited is kept in \([^ \r]*\).*/\1/p' "$WORK/out")
	grep -q milion "$kept" || fail "edit at a terminal keeps nothing: $(cat "$WORK/out")"
	rm -f "$kept"
	expect 0 '*title *Ueber web*' '' dominfo web
}

life() {
	expect 0 '' '' start web --dry-run
	expect 0 'shutoff (none)' '' domstate web --reason
	expect 0 '{"schema":1,"name":"web","uuid":"*","id":*}' '' start web --json
	remember_worker web
	expect 0 'running' '' domstate web
	expect 4 '' 'hvctl: *running*' start web
	expect 0 '' '' start web --ignore-state
	expect 0 '' '' suspend web
	expect 0 'paused (requested)' '' domstate web --reason
	expect 0 '' '' wait web paused
	expect 9 '' 'hvctl: the time is over' wait web running --timeout 0.2
	expect 4 '' 'hvctl: *' suspend web
	expect 0 '' '' resume web
	expect 0 '' '' reset web
	expect 0 '' '' shutdown web
	expect 0 '' '' reboot web
	expect 0 'web' '' list --format name
	expect 0 '' "hvctl: partition 'web' has not shut down: it is ended" shutdown web --force-after 1
	expect 0 'shutoff (requested)' '' domstate web --reason
	expect 4 '' 'hvctl: *' destroy web
	expect 0 '' '' destroy web --ignore-state
	expect 3 '' "hvctl: *'nobody'*" start nobody
}

tuning() {
	expect 0 'weight *100*cap *none*reserve *0.0 %' '' schedinfo web
	expect 0 'weight *200*cap *50.0 %*' '' schedinfo web --weight 200 --cap 50
	expect 0 '{"schema":1,"schedule":{"weight":200,"cap_permille":500,"reserve_permille":0}}' '' \
		schedinfo web --json
	expect 4 '' "hvctl: partition 'web' is shutoff" schedinfo web --live
	expect 0 '' '' vcpupin web 1 0
	expect 0 '*   1  0' '' vcpupin web --config
	expect 5 '' 'hvctl: *7*' vcpupin web 7 0
	expect 0 '' '' autostart web
	expect 0 '*autostart *yes*' '' dominfo web
	expect 0 '' '' autostart web --disable
	expect 0 '{"schema":1,"node":{*"partitions":1,"running":0*}}' '' nodeinfo --json
}

# The fake worker says hello as soon as it has a console.
consoles() {
	local got
	printf 'knock' | hvctl start web --console --timeout 1 >"$WORK/out" 2>"$WORK/err"
	got=$?
	remember_worker web
	[ "$got" -eq 9 ] || fail "a console: exit status $got, not 9"
	[ "$(tr -d '\r' <"$WORK/out")" = hello ] || fail "a console: $(cat "$WORK/out")"
	expect 0 'running' '' domstate web
	expect 0 '' '' destroy web
	expect 4 '' 'hvctl: *' console web
}

devices() {
	truncate -s 1M "$WORK/a.img" "$WORK/b.img"
	sed -e 's/>web</>deaf</' -e '/uuid/d' -e "s|</domain>|<devices><disk type='file'>\
<source file='$WORK/a.img'/><target dev='sda'/></disk><interface type='user'/></devices></domain>|" \
		"$WORK/web.xml" >"$WORK/deaf.xml"
	expect 0 '' '' define "$WORK/deaf.xml"
	expect 0 '' '' start deaf
	workers+=("$(process_of deaf worker)" "$(process_of deaf vsp)" "$(process_of deaf storage)" \
		"$(process_of deaf net)")
	expect 0 "*disk *sda  $WORK/a.img (raw)*interface *:??:??  user*hv-storage *" '' \
		dominfo deaf
	expect 0 '*"disks":\[{"target":"sda",*"interfaces":\[{"mac":"*' '' dominfo deaf --json
	expect 4 '' 'hvctl: the guest is not ready' shutdown deaf
	expect 4 '' 'hvctl: the guest is not ready' reboot deaf
	expect 0 '' '' send-key deaf leftctrl KEY_c --holdtime 5
	grep -q '"codes":\[29,46\],"hold_ms":5' "$WORK/run/calls" || fail "keys do not come"
	expect 5 '' "hvctl: there is no key 'KEY_NONSENSE'" send-key deaf nonsense
	expect 0 "DISK *READ-BYTES*sda *28672*INTERFACE *RX-BYTES* 100 *" '' \
		domstats deaf --block --net
	expect 0 '{"schema":1,"disks":\[{"target":"sda","source":"*","size_bytes":1048576,*}\]}' '' \
		domstats deaf --block --json
	expect 2 '' 'hvctl: domstats: --block, --net and --gpu need a NAME' domstats --block
	expect 0 '{"schema":1,"size_bytes":2097152}' '' blockresize deaf sda --json
	expect 5 '' "hvctl: deaf has no disk 'sdb'" blockresize deaf sdb

	cat >"$WORK/b.xml" <<-EOF
		<disk type='file'>
		  <source file='$WORK/b.img'/>
		  <target dev='sdb'/>
		</disk>
	EOF
	expect 0 '' '' attach-device deaf "$WORK/b.xml" --live --config
	expect 5 '' "hvctl: $WORK/b.xml:1: <disk>: there is a disk 'sdb' already" \
		attach-device deaf "$WORK/b.xml"
	sed 's/fil/fli/' "$WORK/b.xml" >"$WORK/c.xml"
	expect 5 '' "hvctl: $WORK/c.xml:2: <source>: unknown attribute 'flie' (did you mean 'file'?)" \
		attach-device deaf "$WORK/c.xml"
	expect 0 '*sdb*' '' dumpxml deaf --inactive
	expect 0 '' '' detach-device deaf "$WORK/b.xml"
	expect 5 '' 'hvctl: *' detach-device deaf "$WORK/b.xml"

	expect 9 '' 'hvctl: the time is over' wait deaf heartbeat --timeout 0.2
	kill -USR1 "$(process_of deaf vsp)"
	expect 0 '' '' wait deaf heartbeat --timeout 20
	expect 9 '' 'hvctl: the time is over' wait deaf ip --timeout 0.2
	kill -USR2 "$(process_of deaf vsp)"
	expect 0 '' '' wait deaf ip --timeout 20
	expect 0 '*VMBus *5.3*guest *Debian*guest name *g.test*heartbeat *ok*addresses *10.0.2.15 2001:*' '' \
		dominfo deaf
	hvctl event deaf --type device_error --timeout 20 >"$WORK/out" &
	sleep 0.3
	kill -USR1 "$(process_of deaf storage)"
	wait $!
	[[ $(cat "$WORK/out") == *' deaf: device_error sda: no_space, running (started)' ]] ||
		fail "an event of a disk: $(cat "$WORK/out")"
	# One that is never ready is asked again until it is ended.
	expect 0 '' "hvctl: partition 'deaf' has not shut down: it is ended" shutdown deaf --force-after 2
	[ "$(grep -c 'vsp [0-9]* PowerOff' "$WORK/run/calls")" -ge 3 ] || fail "it is asked once"
	expect 0 '' '' undefine deaf
}

screens() {
	local name
	sed -e 's/>web</>seen</' -e '/uuid/d' -e "s|</domain>|<devices><video><model type='mullion'/>\
</video></devices></domain>|" "$WORK/web.xml" >"$WORK/seen.xml"
	sed -e 's/>seen</>dark</' "$WORK/seen.xml" >"$WORK/dark.xml"
	expect 0 '' '' define "$WORK/seen.xml"
	expect 0 '' '' define "$WORK/dark.xml"
	expect 4 '' 'hvctl: seen does not run' gpu info seen
	expect 4 '' 'hvctl: seen does not run' screenshot seen "$WORK/none.png"
	[ ! -e "$WORK/none.png" ] || fail "a file without a picture"
	expect 3 '' "hvctl: *'nobody'*" gpu info nobody
	expect 3 '' "hvctl: *'nobody'*" screenshot nobody
	expect 0 '' '' start seen
	expect 0 '' '' start dark
	expect 0 '' '' start web
	for name in seen dark; do
		workers+=("$(process_of "$name" worker)" "$(process_of "$name" vsp)" \
			"$(process_of "$name" gpu)")
	done
	remember_worker web
	expect 7 '' 'hvctl: web has no screen (no <video> in its definition)' gpu info web
	expect 7 '' 'hvctl: web has no screen*' screenshot web -
	expect 7 '' "hvctl: partition 'web' has no GPU now" domstats web --gpu
	expect 0 '*screen *mullion, 1280x800, 64.0 MiB*hv-gpu *' '' dominfo seen
	expect 0 '*"gpu_pid":*"video":{"model":"mullion","vram_bytes":67108864,*' '' dominfo seen --json

	expect 0 'model *mullion*screen *none*renderer *llvmpipe (LLVM*backend *software*channel *closed
GPU memory *3.0 MiB of 512.0 MiB*weight *100*cap *none*display 0 *1280x800, shows 1024x768*
CONTEXT *CAPSET *NAME *STATE* 2 *virgl2 *weston *works* 3 *lost: bad commands*' '' gpu info seen
	expect 0 '{"schema":1,"gpu":{"source":"none","renderer":"llvmpipe*"memory_max_bytes":536870912},"video":{"model":"mullion","vram_bytes":67108864,*}}' '' \
		gpu info seen --json
	expect 9 '' 'hvctl: the time is over' wait seen guest-driver --timeout 0.2
	"$HVCTL" --connect "$SOCKET" event seen --type screen --timeout 20 >"$WORK/events" &
	sleep 0.3
	kill -USR1 "$(process_of seen gpu)"
	wait $!
	[[ $(cat "$WORK/events") == *' seen: screen gpu, running (started)' ]] ||
		fail "an event of a screen: $(cat "$WORK/events")"
	expect 0 '' '' wait seen guest-driver --timeout 20
	expect 0 '*"screen":"gpu"*' '' dominfo seen --json
	expect 0 '*screen *gpu*driver *mullion_gpu ?31m 1.0*guest kernel *6.12.0*channel *version 1*' '' \
		gpu info seen
	expect 0 'messages *100*submissions *40*fence ns *4000000*contexts lost *1' '' domstats seen --gpu
	expect 0 '{"schema":1,"gpu":{"messages":100,*"memory_max_bytes":536870912,*}}' '' \
		domstats seen --gpu --json

	expect 0 'GPU memory *512.0 MiB*weight *50*cap *150 % of a CPU' '' gpu set seen --weight 50 --cap 150
	expect 7 '' 'hvctl: *with the next start*' gpu set seen --memory 64
	expect 0 '{"schema":1,"video":{*"memory_bytes":67108864,"weight":100,"cap_percent":0}}' '' \
		gpu set seen --memory 64 --config --json
	expect 0 '*<memory*>65536</memory>*' '' dumpxml seen --inactive
	expect 2 '' 'hvctl: gpu: what is to be set*' gpu set seen
	expect 2 '' 'hvctl: gpu: --memory,* go with set alone' gpu info seen --weight 5
	expect 2 '' "hvctl: gpu: --weight: '0' is not between 1 and 10000" gpu set seen --weight 0
	expect 2 '' "hvctl: gpu: unknown ACTION 'inof' (did you mean 'info'?)" gpu inof seen
	expect 0 '' '' gpu display seen --size 1920x1080
	expect 0 '*display 0 *1920x1080, *' '' gpu info seen
	expect 5 '' 'hvctl: no such mode*' gpu display seen --size 1x1
	expect 2 '' "hvctl: gpu: --size: '1920' is no size*" gpu display seen --size 1920

	expect 0 '' '' screenshot seen "$WORK/seen.png"
	expect 0 $'?PNG*as it were' '' screenshot seen -
	cmp -s "$WORK/out" "$WORK/seen.png" || fail "a picture and another"
	printf '%1000s' '' >"$WORK/seen.png"
	expect 0 '{"schema":1,"file":"*/seen.png","width":1024,"height":768,"source":"gpu"}' '' \
		screenshot seen "$WORK/seen.png" --json
	[ "$(stat -c %s "$WORK/seen.png")" -lt 100 ] ||
		fail "what was in the file before is still there"
	expect 4 '' 'hvctl: nothing was shown yet' screenshot dark "$WORK/seen.png"
	[ -s "$WORK/seen.png" ] || fail "a picture is gone, and there is no other"
	expect 4 '' 'hvctl: nothing was shown yet' screenshot dark "$WORK/dark.png"
	[ ! -e "$WORK/dark.png" ] || fail "a file without a picture"
	expect 1 '' "hvctl: /dev/null/x: Not a directory" screenshot seen /dev/null/x
	expect 1 '' "hvctl: $WORK: Is a directory" screenshot seen "$WORK"
	expect 1 '' 'hvctl: /dev/full: No space left on device' screenshot seen /dev/full
	expect 5 '' 'hvctl: there is no such display' screenshot seen - --screen 1
	expect 2 '' '{*JSON and the picture both on standard output*' screenshot seen - --json
	(cd "$WORK" && expect 0 'seen-20??-??-??-??:??:??.png' '' screenshot seen &&
		[ -s "$(cat "$WORK/out")" ]) ||
		fail "no file of its own"

	"$HVCTL" --connect "$SOCKET" event seen --loop >"$WORK/events" 2>/dev/null &
	sleep 0.3
	kill -USR1 "$(process_of seen gpu)"
	for _ in {1..100}; do
		grep -q context "$WORK/events" && break
		sleep 0.05
	done
	kill $!
	wait $! 2>/dev/null
	[[ $(cat "$WORK/events") == *' seen: device_error gpu: context 3 (glx '?'2J): bad commands, running (started)' ]] ||
		fail "events of a GPU: $(cat "$WORK/events")"
	SOCKET=$WORK/run/hvd-ro.sock
	expect 0 'model *' '' gpu info seen
	expect 8 '' 'hvctl: *' screenshot seen -
	expect 8 '' 'hvctl: *' gpu set seen --weight 5
	SOCKET=$WORK/run/hvd.sock
	for name in seen dark web; do
		expect 0 '' '' destroy "$name"
	done
	expect 0 '' '' undefine seen
	expect 0 '' '' undefine dark
}

events() {
	local pid got
	hvctl event --loop --json >"$WORK/events" 2>"$WORK/err" &
	pid=$!
	sleep 0.3
	hvctl create "$WORK/web.xml" >/dev/null 2>&1 && fail "a name that is in use is taken"
	expect 0 '' '' undefine web
	expect 0 'web' '' create "$WORK/web.xml" --format name --paused
	remember_worker web
	expect 0 '*"state":"paused"*"persistent":false*' '' list --json
	expect 0 '' '' destroy web
	expect 3 '' 'hvctl: *' domstate web
	for _ in {1..100}; do
		grep -q '"type":"stopped"' "$WORK/events" && break
		sleep 0.05
	done
	grep -q '^{"schema":1,"sequence":[0-9]*,"time_ns":[0-9]*,"type":"undefined","name":"web",' \
		"$WORK/events" || fail "no event of an end: $(cat "$WORK/events")"
	grep -q '"type":"started".*"state":"paused"' "$WORK/events" ||
		fail "no event of a start: $(cat "$WORK/events")"
	kill -9 "$hvd"
	wait "$hvd" 2>/dev/null
	hvd=
	wait "$pid"
	got=$?
	[ "$got" -eq 6 ] || fail "hvctl event --loop without its daemon: exit status $got, not 6"
	[ "$(cat "$WORK/err")" = \
		'{"schema":1,"error":{"code":6,"message":"the connection to the daemon ended"}}' ] ||
		fail "hvctl event --loop without its daemon: $(cat "$WORK/err")"
	expect 6 '' 'hvctl: no daemon at *' list
}

read_only() {
	SOCKET=$WORK/run/hvd-ro.sock
	expect 0 'web' '' list --all --format name
	expect 0 '' '' validate "$WORK/again.xml"
	expect 8 '' 'hvctl: *' destroy web
	expect 8 '' 'hvctl: *' define "$WORK/again.xml"
	SOCKET=$WORK/run/hvd.sock
}

make_definition
start_daemon
definitions
editing
at_a_terminal
life
tuning
consoles
devices
screens
read_only
events
[ "$failures" -eq 0 ] || { echo "$failures failed" && exit 1; }
