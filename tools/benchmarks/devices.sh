# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Runs in the parent of the machines that `tools/bench vmbus` measures disks and
# cards in, behind lines that set VMM (mullion or kvm), ROWS, AMOUNT, VCPUS and VHOST,
# and machine.sh. One guest, the same Debian for both, its data on a RAM disk of the
# parent and its card in a bridge of the parent; fio and iperf3 run in it by ssh. What it
# prints is read by devices.py.
# What devices.py and machine.sh set:
# shellcheck disable=SC2153,SC2154

DISK=/dev/vdb # the Debian, made by tests/system/guest/disk-image
PEER=/dev/vdc # QEMU and its libraries, where the guest is KVM's
DATA=/dev/ram0
DATA_MIB=256
MEMORY_MIB=1024

# ---- the parent ----

make_data() {
	modprobe brd rd_nr=1 rd_size=$((DATA_MIB * 1024))
	# Written, so that no row fills holes.
	dd if=/dev/zero of=$DATA bs=1M count=$DATA_MIB oflag=direct status=none
}

# The guest's own kernel and initrd, so that neither guest needs a boot loader.
take_kernel() {
	mkdir -p /tmp/root
	mount -o ro,noload ${DISK}1 /tmp/root
	mkdir -p /tmp/boot
	cp /tmp/root/boot/vmlinuz-* /tmp/boot/vmlinuz
	cp /tmp/root/boot/initrd.img-* /tmp/boot/initrd
	command_line "$(grep -om1 'root=UUID=[^ ]*' /tmp/root/boot/grub/grub.cfg)"
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

# ---- rows ----

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
iperf3 --server --daemon --logfile /tmp/iperf3.log
take_kernel
: >/tmp/guest.log # wait_for_guest reads it
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
