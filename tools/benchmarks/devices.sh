# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Runs in the parent of the machines that `tools/bench vmbus` measures disks and
# cards in, behind lines that set VMM (mullion or kvm), ROWS, AMOUNT, VCPUS and
# VHOST. One guest, the same Debian for both, its data on a RAM disk of the parent and
# its card in a bridge of the parent; fio and iperf3 run in it by ssh. What it prints is
# read by devices.py.
# What devices.py sets:
# shellcheck disable=SC2153

set -euo pipefail

DISK=/dev/vdb           # the Debian, made by tests/system/guest/disk-image
PEER=/dev/vdc           # QEMU and its libraries, where the guest is KVM's
DATA=/dev/ram0
DATA_MIB=256
MEMORY_MIB=1024
GUEST=10.9.0.2 HOST=10.9.0.1

say() {
	echo "bench: $*"
}

fail() {
	say "failed $*"
	tail -n 20 /tmp/guest.log || true
	exit 1
}

# ---- the parent ----

make_data() {
	modprobe brd rd_nr=1 rd_size=$((DATA_MIB * 1024))
	# Written, so that no row fills holes.
	dd if=/dev/zero of=$DATA bs=1M count=$DATA_MIB oflag=direct status=none
}

make_bridge() {
	ip link add br0 type bridge
	ip addr add $HOST/24 dev br0
	ip link set br0 up
	iperf3 --server --daemon --logfile /tmp/iperf3.log
}

# The first program in the guest: a login by ssh and nothing beside it.
INIT="for d in tmp run; do mount -t tmpfs tmp /\$d; done; mkdir /run/sshd; ip link set lo up;
modprobe -a virtio_net hv_netvsc; until ip link set eth0 up; do sleep 0.2; done;
ip addr add $GUEST/24 dev eth0; /usr/sbin/sshd; echo 'bench: sshd runs'; while :; do sleep 1000; done"

# The guest's own kernel and initrd, so that neither guest needs a boot loader.
take_kernel() {
	mkdir -p /tmp/root
	mount -o ro,noload ${DISK}1 /tmp/root
	mkdir -p /tmp/boot
	cp /tmp/root/boot/vmlinuz-* /tmp/boot/vmlinuz
	cp /tmp/root/boot/initrd.img-* /tmp/boot/initrd
	COMMANDLINE="console=ttyS0,115200 quiet panic=-1 net.ifnames=0 ro"
	COMMANDLINE+=" $(grep -om1 'root=UUID=[^ ]*' /tmp/root/boot/grub/grub.cfg)"
	COMMANDLINE+=" init=/bin/bash -- -c \"${INIT//$'\n'/ }\""
	umount /tmp/root
}

# ---- the guest ----

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
		<disk type="block"><driver cache="none"/><source dev="$DISK"/><target dev="sda"/></disk>
		<disk type="block"><driver cache="none"/><source dev="$DATA"/><target dev="sdb"/></disk>
		<interface type="bridge"><mac address="52:54:00:12:34:57"/><source bridge="br0"/></interface>
		</devices>
		</domain>
	END
	hvctl define /tmp/guest.xml >/dev/null
	hvctl start guest --console </dev/null >/tmp/guest.log 2>&1 &
	hvctl wait guest running --timeout 60 || fail 'the guest does not start'
}

# A disk of KVM's guest: past the page cache, by io_uring, in a thread of its own.
kvm_disk() {
	echo "-blockdev driver=host_device,node-name=$1,filename=$2,cache.direct=on,aio=io_uring"
	echo "-device virtio-blk-pci,drive=$1,iothread=io"
}

start_kvm() {
	modprobe kvm-amd nested=0
	mkdir -p /tmp/peer
	mount $PEER /tmp/peer
	mount --bind /dev /tmp/peer/dev
	mount -t proc proc /tmp/peer/proc
	mount --bind /tmp/boot /tmp/peer/tmp
	ip tuntap add tap0 mode tap vnet_hdr
	ip link set tap0 master br0 up
	[ "$VHOST" = off ] || modprobe vhost_net
	# shellcheck disable=SC2046 # words
	chroot /tmp/peer /usr/bin/qemu-system-x86_64 -name guest,debug-threads=on -machine q35 -accel kvm -cpu host \
		-smp "$VCPUS" -m "$MEMORY_MIB" -nodefaults -no-user-config -display none -no-reboot \
		-serial stdio -kernel /tmp/vmlinuz -initrd /tmp/initrd -append "$COMMANDLINE" \
		-object iothread,id=io $(kvm_disk root $DISK) $(kvm_disk data $DATA) \
		-netdev tap,id=net,ifname=tap0,script=no,downscript=no,vhost="$VHOST" \
		-device virtio-net-pci,netdev=net,mac=52:54:00:12:34:57,romfile= \
		</dev/null >/tmp/guest.log 2>&1 &
}

# A guest that is lost ends what waits for it.
in_guest() {
	ssh -q -i /tmp/key -o BatchMode=yes -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o ConnectTimeout=10 -o ServerAliveInterval=10 \
		-o ServerAliveCountMax=6 "root@$GUEST" "$@" </dev/null
}

wait_for_guest() {
	until in_guest true; do
		[ $SECONDS -lt 600 ] || fail 'no login'
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

# What has been counted until now, a line each; devices.py adds up what has one name.
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

# row NAME COMMAND...: its output is one JSON object.
row() {
	local name=$1
	shift
	say "before $name"
	counters
	say "begin $name"
	in_guest "$@" >/tmp/result || return 1
	say "end $name"
	say "after $name"
	counters
	say "result $(tr -d '\n' </tmp/result)"
}

# iperf3 gives up where a machine is slow: a row that fails is begun anew, once.
once_more() {
	row "$@" || row "$@" || fail "$1: $(tail -n 3 /tmp/result /tmp/iperf3.log)"
}

# disk NAME KIB OPTION...: fio on the data disk.
disk() {
	local name=$1 kib=$2
	shift 2
	once_more "$name" fio --name=row --filename="$DATA_DISK" --direct=1 --ioengine=io_uring --norandommap \
		--io_size="$((kib * AMOUNT))k" --output-format=json "$@"
}

# net NAME KIB OPTION...: iperf3 to the parent.
net() {
	local name=$1 kib=$2
	shift 2
	once_more "$name" iperf3 --client "$HOST" --json --bytes "$((kib * AMOUNT))K" "$@"
}

# Fixed amounts, not times: then the counts of a slow and of a fast machine compare.
# "nothing" is what a login and a start of fio or iperf3 cost; it is taken off.
measure() {
	case $1 in
	disk-nothing) disk "$1" 4 --rw=read --bs=4k ;;
	read-4k-1) disk "$1" 4000 --rw=randread --bs=4k --iodepth=1 ;;
	read-4k-32) disk "$1" 32000 --rw=randread --bs=4k --iodepth=32 ;;
	write-4k-1) disk "$1" 4000 --rw=randwrite --bs=4k --iodepth=1 ;;
	write-4k-32) disk "$1" 32000 --rw=randwrite --bs=4k --iodepth=32 ;;
	read-1m) disk "$1" 131072 --rw=read --bs=1m --iodepth=4 ;;
	write-1m) disk "$1" 131072 --rw=write --bs=1m --iodepth=4 ;;
	net-nothing) net "$1" 16 ;;
	net-send) net "$1" 16384 ;;
	net-receive) net "$1" 16384 --reverse ;;
	esac
}

systemctl is-system-running --wait >/dev/null || true
install -m 600 /run/share/key /tmp/key
make_data
make_bridge
take_kernel
start_"$VMM"
wait_for_guest
DATA_DISK=/dev/$(in_guest lsblk -bdno NAME,SIZE | awk -v size=$((DATA_MIB << 20)) '$2 == size { print $1 }')
[ -n "${DATA_DISK#/dev/}" ] || fail 'the guest has no data disk'
say "guest $(in_guest uname -r) $(in_guest cat /sys/devices/system/clocksource/clocksource0/current_clocksource) scheduler $(in_guest cat "/sys/block/${DATA_DISK#/dev/}/queue/scheduler" | tr ' ' ,)"
# Once for nothing: programs are in memory from then on.
in_guest "fio --version; iperf3 --version; fio --name=warm --filename=$DATA_DISK --size=64k --readonly" >/dev/null || fail 'no fio'
for name in $ROWS; do
	measure "$name"
done
say 'done'
