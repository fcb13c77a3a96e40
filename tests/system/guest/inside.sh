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
	journalctl -b --no-pager -n 30 -o cat -u mullion-hvd -u 'mullion-worker@*'
	dmesg | tail -n 40
	hvctl dmesg | tail -n 12
}
fail() {
	trap - EXIT
	explain
	printf 'FAILED in the parent: %s\n' "$*"
	exit 1
}
leave() {
	[ "$1" = 0 ] || explain
}
trap 'leave $?' EXIT

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

# The machine's disk that is a copy of disk-image's: the smallest one, the parent's own
# is larger.
debian_disk() {
	echo "/dev/$(lsblk -rdbno NAME,SIZE | awk '/^vd/ { print $2, $1 }' | sort -n | head -n 1 | cut -d' ' -f2)"
}

# in_guest PORT COMMAND...: as root in a guest that boots from its disk, by ssh.
in_guest() {
	local port=$1
	shift
	[ -e /tmp/guest.key ] || install -m 600 /run/share/disk/debian13.img.key /tmp/guest.key
	ssh -q -p "$port" -i /tmp/guest.key -o BatchMode=yes -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o ConnectTimeout=10 -o ServerAliveInterval=15 root@127.0.0.1 "$@" </dev/null
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

# says NAME TEXT [SECONDS]: waits until a line of its console has the text.
says() {
	local name=$1 text=$2 until=$((SECONDS + ${3-90}))
	until console "$name" | grep -qF -- "$text"; do
		! console "$name" | grep -q FAILED || fail "$name: $(console "$name" | grep -m1 FAILED)"
		[ $SECONDS -lt $until ] || fail "$name does not say '$text'"
		sleep 0.2
	done
	printf 'ok: %s: %s\n' "$name" "$(console "$name" | grep -F -m1 -- "$text")"
}

# The account of memory: hv's, and the pages that the parent has pinned.
accounts() {
	/run/share/accounts
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
		sleep 0.2
	done
	same "$(xargs <<<"$now")" "$(xargs <<<"$1")" "memory after $2"
}

# ends NAME STATE [SECONDS]: it comes to its end, in that state for that reason.
ends() {
	hvctl wait "$1" shutoff --timeout "${3-120}" || fail "$1 does not end"
	! console "$1" | grep FAILED || fail "$1 has failed"
	same "$(hvctl domstate "$1" --reason)" "$2" "state of $1"
}
