# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Put before the scripts of the guest tests in the parent, behind ../inside.sh: guests
# made, started and watched by hvctl, as a person would. /run/share holds what medium
# has made, and the tests' programs.

KERNEL=/boot/vmlinuz-$(uname -r)
GUESTS=/srv/guests
mkdir -p "$GUESTS"
cp /run/share/medium/* "$GUESTS"

# What there is to know when something went wrong.
explain() {
	local log
	for log in /tmp/*.log; do
		[ ! -e "$log" ] || { echo "---- $log" && tail -n 25 "$log"; }
	done
	echo '---- list, daemon, kernel, hv' && hvctl list
	journalctl -b --no-pager -n 30 -o cat -u mullion-hvd -u 'mullion-*@*'
	dmesg | tail -n 40
	hvctl dmesg | tail -n 12
}
fail() {
	trap - EXIT
	explain || true
	printf 'FAILED in the parent: %s\n' "$*"
	exit 1
}
# leave STATUS COMMAND: what ends the script when nothing has called fail.
leave() {
	[ "$1" != 0 ] || return 0
	explain || true
	printf 'FAILED in the parent: status %s of: %s\n' "$1" "$2"
}
trap 'leave $? "$BASH_COMMAND"' EXIT

# definition NAME VCPUS MIB STEPS [XML...]: a guest that does these steps (see init)
# with $KERNEL; the XML comes on top.
definition() {
	local name=$1 vcpus=$2 mib=$3 steps=$4
	shift 4
	cat <<-END
		<domain type="mullion">
		<name>$name</name>
		<memory unit="MiB">$mib</memory>
		<vcpu>$vcpus</vcpu>
		<os>
		<kernel>$KERNEL</kernel>
		<initrd>$GUESTS/initrd.img</initrd>
		<cmdline>console=ttyS0 ${KERNEL_OPTIONS-quiet} -- $steps</cmdline>
		</os>
		$*
		</domain>
	END
}

define() {
	definition "$@" >"/tmp/$1.xml"
	hvctl define "/tmp/$1.xml" || fail "$1 cannot be defined"
}

# disk_definition NAME VCPUS MIB PORT DISK [XML...]: a guest that boots the Debian of
# disk-image from DISK (a file or a block device); ssh answers on PORT of the parent.
# The XML goes into its devices.
disk_definition() {
	local name=$1 vcpus=$2 mib=$3 port=$4 disk=$5 type=file attribute=file
	shift 5
	[ ! -b "$disk" ] || { type=block && attribute=dev; }
	cat <<-END
		<domain type="mullion">
		<name>$name</name>
		<memory unit="MiB">$mib</memory>
		<vcpu>$vcpus</vcpu>
		<os/>
		<devices>
		<disk type="$type"><source $attribute="$disk"/><target dev="sda"/></disk>
		<interface type="user"><portForward proto="tcp"><range start="$port" to="22"/></portForward></interface>
		$*
		</devices>
		</domain>
	END
}

# The machine's disk that is a copy of disk-image's: its partition's id is ROOT_PARTUUID.
debian_disk() {
	echo "/dev/$(lsblk -rno PKNAME,PARTUUID | awk '$2 == "5d3c2f6e-7a41-4c0d-8d5b-6775657374d2" { print $1 }')"
}

# What ssh logs in with to guests that boot from DISK_IMAGE, and options of its own.
DISK_IMAGE=debian13
GUEST_SSH=()

# guest_ssh ADDRESS PORT COMMAND...: with this standard input.
guest_ssh() {
	local address=$1 port=$2
	shift 2
	[ -e /tmp/guest.key ] || install -m 600 "/run/share/disk/$DISK_IMAGE.img.key" /tmp/guest.key
	ssh -q -p "$port" -i /tmp/guest.key -o BatchMode=yes -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o ConnectTimeout=10 -o ServerAliveInterval=15 \
		"${GUEST_SSH[@]}" "root@$address" "$@"
}

# at_guest ADDRESS PORT COMMAND...: as root in a guest that boots from its disk, by ssh.
at_guest() {
	guest_ssh "$@" </dev/null
}

# in_guest PORT COMMAND...: the same by a port of the parent.
in_guest() {
	at_guest 127.0.0.1 "$@"
}

# reachable PORT [SECONDS]: waits until it takes commands.
reachable() {
	local until=$((SECONDS + ${2-300}))
	until in_guest "$1" true; do
		[ $SECONDS -lt $until ] || fail "no ssh at port $1"
		sleep 1
	done
	echo "ok: a login at port $1"
}

# start NAME [INPUT]: with its console in /tmp/NAME.log.
start() {
	hvctl start "$1" --console <"${2-/dev/null}" >"/tmp/$1.log" 2>&1 &
	hvctl wait "$1" running --timeout 120 || fail "$1 does not run"
}

console() {
	tr -d '\r' <"/tmp/$1.log"
}

# said NAME TEXT: lines of its console have the text; SAID is how many, LINE the first one.
# Without a process, as rest.
said() {
	local lines line
	SAID=0 LINE=''
	mapfile -t lines <"/tmp/$1.log"
	for line in "${lines[@]}"; do
		[[ $line = *"$2"* ]] || continue
		[ "$SAID" != 0 ] || LINE=${line%$'\r'}
		SAID=$((SAID + 1))
	done
	[ "$SAID" != 0 ]
}

# says NAME TEXT [SECONDS [TIMES]]: waits until so many lines of its console have the text.
says() {
	local name=$1 text=$2 until=$((SECONDS + ${3-240})) times=${4-1}
	until said "$name" "$text" && [ "$SAID" -ge "$times" ]; do
		! said "$name" FAILED || fail "$name: $LINE"
		[ $SECONDS -lt $until ] || fail "$name says '$text' $SAID times, not $times"
		rest 0.3
	done
	printf 'ok: %s: %s\n' "$name" "$LINE"
}

# commands NAME: starts a guest whose last step is "commands", for ask. Its console's input
# is a pipe that stays open.
commands() {
	mkfifo "/tmp/$1.in"
	exec {ASK_INPUT}<>"/tmp/$1.in"
	start "$1" "/tmp/$1.in"
	says "$1" 'guest: takes commands'
}

# ask NAME COMMAND...: runs it in such a guest, with the functions of init; what it prints,
# and its status.
ask() {
	local name=$1 count until=$((SECONDS + ${ASK_SECONDS-90}))
	shift
	said "$name" 'guest: status ' || true
	count=$SAID
	echo "$*" >"/tmp/$name.in"
	until said "$name" 'guest: status ' && [ "$SAID" -gt "$count" ]; do
		[ $SECONDS -lt $until ] || { echo "no answer from $name to '$*'" && return 99; }
		rest 0.2
	done
	console "$name" | awk -v count="$count" '/^guest: (takes|status)/ { n++; if (n == count + 2) exit $3; next } n == count + 1
		END { if (n < count + 2) exit 98 }'
}

# must NAME COMMAND...: the same, and it succeeds.
must() {
	local text
	text=$(ask "$@") || fail "$1: '${*:2}' fails: $text"
	printf 'ok: %s: %s%s\n' "$1" "${*:2}" "${text:+: $text}"
}

# may_not NAME TEXT COMMAND...: it fails, and says so with the text.
may_not() {
	local name=$1 text=$2 said
	shift 2
	! said=$(ask "$name" "$@") || fail "$name: '$*' succeeds: $said"
	[[ $said = *"$text"* ]] || fail "$name: '$*' fails with '$said', not '$text'"
	printf 'ok: %s: %s: %s\n' "$name" "$*" "$(tail -n 1 <<<"$said")"
}

# refused STATUS TEXT COMMAND...: it ends with that status, and says so with the text.
refused() {
	local wanted=$1 text=$2 said status=0
	shift 2
	said=$("$@" 2>&1) || status=$?
	[[ $status = "$wanted" && $said = *"$text"* ]] || fail "'$*' ends with $status: $said"
	printf 'ok: %s: status %s: %s\n' "$*" "$status" "$said"
}

# disk_xml TARGET SOURCE [XML...]: a disk for attach-device and detach-device, as a file's
# path. The XML goes into it.
disk_xml() {
	local target=$1 source=$2 type=file attribute=file
	shift 2
	[ ! -b "$source" ] || { type=block && attribute=dev; }
	echo "<disk type='$type'>$*<source $attribute='$source'/><target dev='$target'/></disk>" >"/tmp/$target.xml"
	echo "/tmp/$target.xml"
}

# statistic NAME TARGET FIELD
statistic() {
	hvctl domstats "$1" --block --json | tr -d ' \n' | tr '{}' '\n' | grep -F "\"target\":\"$2\"" |
		grep -o "\"$3\":[0-9]*" | cut -d: -f2
}

# The process of a guest that has that name in dominfo; none is no failure.
pid_of() {
	hvctl dominfo "$1" | awk -v who="$2" '$1 == who { print $2 }'
}

# replaced NAME WHO: it is killed, and another takes its place.
replaced() {
	local old now until=$((SECONDS + 60))
	old=$(pid_of "$1" "$2")
	kill -9 "$old" || fail "$1 has no $2"
	until now=$(pid_of "$1" "$2") && [ -n "$now" ] && [ "$now" != "$old" ]; do
		[ $SECONDS -lt $until ] || fail "$1: no other $2 comes"
		rest 0.4
	done
	echo "ok: $1: another $2"
}

# served NAME TARGET: hvd has the process that serves the disk again.
served() {
	local until=$((SECONDS + 60))
	until [ -n "$(statistic "$1" "$2" size_bytes)" ]; do
		[ $SECONDS -lt $until ] || fail "$1: nobody serves $2"
		rest 0.4
	done
}

# watch_events NAME: what the administrator is told of it from now on, for told. Defining
# it anew is an event too: the first one shows that others will be seen.
watch_events() {
	rm -f "/tmp/$1.seen" "/tmp/$1.events"
	hvctl event "$1" --loop >"/tmp/$1.events" 2>&1 &
	until [ -s "/tmp/$1.events" ]; do
		hvctl dumpxml --inactive "$1" | hvctl define -q - || fail "$1 cannot be defined anew"
		rest 0.4
	done
}

# told NAME TEXT...: the administrator was, by one event that has all of these; each one
# is looked for behind those that were found before.
told() {
	local name=$1 until=$((SECONDS + 60)) text lines seen=0
	shift
	[ ! -e "/tmp/$name.seen" ] || seen=$(cat "/tmp/$name.seen")
	while :; do
		lines=$(tail -n +$((seen + 1)) "/tmp/$name.events" | grep -n '') || true
		for text; do
			lines=$(grep -F -- "$text" <<<"$lines") || true
		done
		[ -z "$lines" ] || break
		[ $SECONDS -lt $until ] || fail "no event has: $*"
		rest 0.4
	done
	lines=$(head -n 1 <<<"$lines")
	echo $((seen + ${lines%%:*})) >"/tmp/$name.seen"
	echo "ok: event: ${lines#*:}"
}

# The account of memory: hv's, and the pages that the parent has pinned. The kernel counts
# those on each CPU, and adds that up now and then, or when it is asked to.
accounts() {
	/run/share/accounts
	echo 1 >/proc/sys/vm/stat_refresh
	awk '/^nr_foll_pin_acquired/ { n += $2 } /^nr_foll_pin_released/ { n -= $2 } END { print "pinned:", n }' /proc/vmstat
}

# balance BEFORE WHAT: the account comes to be what it was. A process that ends takes a
# moment to give back what it had. How many blocks are donated, and what the parent
# keeps in store of them, depends on who else was there as long as there are guests:
# not looked at if BEFORE does not have it.
balance() {
	local until=$((SECONDS + 15)) now
	while now=$(accounts) && [ $SECONDS -lt $until ]; do
		[[ $1 = *donated* ]] || now=$(grep -v donated <<<"$now")
		[ "$now" != "$1" ] || break
		rest 0.4
	done
	same "$(xargs <<<"$now")" "$(xargs <<<"$1")" "memory after $2"
}

# ends NAME STATE [SECONDS]: it comes to its end, in that state for that reason.
ends() {
	hvctl wait "$1" shutoff --timeout "${3-120}" || fail "$1 does not end"
	! console "$1" | grep FAILED || fail "$1 has failed"
	same "$(hvctl domstate "$1" --reason)" "$2" "state of $1"
}
