#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: with-hvd-test.sh HVCTL HVD WORKER
#
# hvctl and hvd together, with workers that have no guests: the whole life of a
# partition as a person or a script types it, and what they get to see.

set -uo pipefail

HVCTL=$1
HVD=$2
WORKER=$3
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

remember_worker() {
	workers+=("$(hvctl dominfo "$1" --json | sed 's/.*"worker_pid":\([0-9]*\).*/\1/')")
}

start_daemon() {
	mkdir "$WORK/config"
	"$HVD" --config "$WORK/config" --run "$WORK/run" --device "$WORK/none" --mshv /dev/null \
		--spawn "$WORKER" --without-hypervisor 2>"$WORK/log" &
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
	expect 7 '' 'hvctl: *' shutdown web
	expect 7 '' 'hvctl: *' reboot web
	expect 0 'web' '' list --format name
	expect 0 '' "hvctl: partition 'web' cannot be asked to shut down: it is ended" \
		shutdown web --force-after 60
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
read_only
events
[ "$failures" -eq 0 ] || { echo "$failures failed" && exit 1; }
