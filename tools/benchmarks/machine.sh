# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What devices.sh and gpu.sh share: they run behind it, in the parent of the machines in
# which guests of Mullion and of KVM are measured. It sets GUEST and HOST, addresses in a
# bridge of the parent; VMM and VCPUS are set before. What is printed as "bench: WORD ..."
# is read by guests.py.
# shellcheck disable=SC2034,SC2153,SC2154

set -euo pipefail

GUEST=10.9.0.2 HOST=10.9.0.1
SSH_OPTIONS=()

say() {
	echo "bench: $*"
}

fail() {
	say "failed $*"
	tail -n 20 /tmp/guest.log || true
	exit 1
}

# rest SECONDS: without a process. One costs tens of milliseconds of an emulated machine,
# which who waits would take from what is waited for.
exec {NEVER}<> <(:)
rest() {
	read -rt "$1" -u "$NEVER" || true
}

make_bridge() {
	ip link add br0 type bridge
	ip addr add $HOST/24 dev br0
	ip link set br0 up
}

# The first program in the guest: a login by ssh and nothing beside it.
INIT="for d in tmp run; do mount -t tmpfs tmp /\$d; done; mkdir /run/sshd; ip link set lo up;
modprobe -a virtio_net hv_netvsc; until ip link set eth0 up; do sleep 0.2; done;
ip addr add $GUEST/24 dev eth0; /usr/sbin/sshd; echo 'bench: sshd runs'; while :; do sleep 1000; done"

# command_line ROOT: the guest's kernel's.
command_line() {
	COMMANDLINE="console=ttyS0,115200 quiet panic=-1 net.ifnames=0 ro $1"
	COMMANDLINE+=" init=/bin/bash -- -c \"${INIT//$'\n'/ }\""
}

# A guest that is lost ends what waits for it.
ssh_guest() {
	ssh -q "${SSH_OPTIONS[@]}" -i /tmp/key -o BatchMode=yes -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o ConnectTimeout=10 -o ServerAliveInterval=10 \
		-o ServerAliveCountMax=6 "root@$GUEST" "$@"
}

in_guest() {
	ssh_guest "$@" </dev/null
}

# Its VMM is what was started last in the background, with its console in guest.log.
wait_for_guest() {
	until [[ $(</tmp/guest.log) == *"bench: sshd runs"* ]]; do
		[ $SECONDS -lt 600 ] || fail 'the guest is not up'
		kill -0 $! 2>/dev/null || fail 'the guest has ended'
		rest 0.5
	done
	until in_guest true; do
		[ $SECONDS -lt 600 ] || fail 'no login'
		rest 1
	done
	say "up after $SECONDS s"
}

# ---- counting ----

# thread FOLDER: CPU time (ns) and voluntary switches of a thread of the VMM. One that has
# just ended has no files.
thread() {
	local name ns key value
	read -r name <"$1/comm" && read -r ns _ <"$1/schedstat" || return 0
	name=${name// /_}
	[[ $name != *KVM ]] || name=vcpu # a VP of the guest
	say "count cpu_ns.$name $ns"
	while read -r key value; do
		[ "$key" != voluntary_ctxt_switches: ] || say "count wakeups.$name $value"
	done <"$1/status"
}

# syscalls PID: those that read and write.
syscalls() {
	local key value
	while read -r key value; do
		[[ $key != sysc[rw]: ]] || say "count syscalls $value"
	done <"/proc/$1/io"
}

# What has been counted until now, a line each; what has one name is added up.
counters() {
	local pid task file value
	for pid in $(pgrep -x 'hv-.*|qemu-system-x86|vhost-.*'); do
		for task in "/proc/$pid/task"/*; do
			thread "$task" 2>/dev/null || true
		done
		syscalls "$pid" 2>/dev/null || true
	done
	case $VMM in
	mullion) echo "bench: hv $(hvctl domstats guest --json | tr -d '\n')" ;;
	kvm)
		for file in /sys/kernel/debug/kvm/*-*/*; do
			[ -f "$file" ] || continue
			read -r value _ <"$file" || true
			echo "bench: count kvm.${file##*/} ${value:-0}"
		done
		;;
	esac
	in_guest "awk 'NR > 1 { n = 0; for (i = 2; i <= $VCPUS + 1; i++) n += \$i; print \"bench: count irq.\" (\$0 ~ /virtio/ ? \"virtio\" : \$1), n }' /proc/interrupts | tr -d :" | sed 's/^bench/bench:/'
}
