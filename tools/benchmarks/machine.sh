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

wait_for_guest() {
	until in_guest true; do
		[ $SECONDS -lt 600 ] || fail 'no login'
		[ -z "$(jobs -p)" ] || kill -0 "$(jobs -p | tail -n 1)" 2>/dev/null || fail 'the guest has ended'
		sleep 1
	done
	say "up after $SECONDS s"
}

# ---- counting ----

# thread PID TASK: CPU time (ns) and voluntary switches of a thread of the VMM.
thread() {
	local name
	read -r name <"/proc/$1/task/$2/comm" || return 0
	[[ $name != *KVM ]] || name=vcpu # a VP of the guest
	awk -v name="${name// /_}" '
		FILENAME ~ /schedstat/ { print "bench: count cpu_ns." name, $1 }
		/^voluntary_ctxt_switches/ { print "bench: count wakeups." name, $2 }
	' "/proc/$1/task/$2/schedstat" "/proc/$1/task/$2/status" 2>/dev/null || true
}

# What has been counted until now, a line each; what has one name is added up.
counters() {
	local pid task file value
	for pid in $(pgrep -x 'hv-.*|qemu-system-x86|vhost-.*'); do
		for task in "/proc/$pid/task"/*; do
			thread "$pid" "${task##*/}"
		done
		awk '/^sysc/ { print "bench: count syscalls", $2 }' "/proc/$pid/io" 2>/dev/null || true
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
