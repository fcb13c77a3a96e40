#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: loader-test.sh BOOT-FROM-DISK
#
# What the loader would start of disks that are folders here: menus as distributions
# write them, and what is left where there is none.

set -euo pipefail
loader=$1
work=$(mktemp -d /tmp/mullion-loader-test.XXXXXX)
trap 'rm -rf "$work"' EXIT
# In place of what reads devices.
mkdir "$work/bin"
cat >"$work/bin/blkid" <<'END'
#!/bin/sh
# -o value -s TAG DEVICE
case $4 in
UUID) echo "of-${5##*/}" ;;
PARTUUID) echo "part-of-${5##*/}" ;;
esac
END
chmod +x "$work/bin/blkid"
PATH=$work/bin:$PATH
mkdir "$work/disk"
cd "$work/disk"

# files TREE PATH...: empty ones.
files() {
	local path tree=$1
	shift
	for path; do
		mkdir -p "$tree/$(dirname "$path")"
		: >"$tree/$path"
	done
}

# starts WHAT EXPECTED TREE...: EXPECTED has the loader's lines, @ for the folder of trees.
# Each test begins with new trees.
starts() {
	local what=$1 expected=$2 found
	shift 2
	found=$(sh "$loader" "${@/#/$PWD/}" 2>&1 | sed "s|$PWD/|@|g") || true
	if [ "$found" != "$expected" ]; then
		printf 'FAILED: %s\nexpected:\n%s\nfound:\n%s\n' "$what" "$expected" "$found"
		exit 1
	fi
	echo "ok: $what"
	rm -rf "$work"/disk/*
}

files sda1 boot/vmlinuz-6.12.9 boot/initrd.img-6.12.9 boot/vmlinuz-6.12.10 boot/grub/grub.cfg
cat >sda1/boot/grub/grub.cfg <<'END'
set default="0"
function load_video {
  insmod all_video
}
# linux /not/this
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-1' {
	insmod gzio
	if [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi
	search --no-floppy --fs-uuid --set=root 1
	echo	'Loading Linux 6.12.9 ...'
	linux	/boot/vmlinuz-6.12.9 root=UUID=1 ro  quiet $vt_handoff console=ttyS0,115200
	initrd	/boot/initrd.img-6.12.9
}
submenu 'Advanced options for Debian GNU/Linux' {
	menuentry 'another' {
		linux	/boot/vmlinuz-6.12.10 root=UUID=1 ro single
	}
}
END
starts "Debian's menu" '@sda1/boot/vmlinuz-6.12.9
@sda1/boot/initrd.img-6.12.9
root=UUID=1 ro quiet console=ttyS0,115200' sda1

files sda1 grub2/grub.cfg vmlinuz-5 initramfs-5.img ucode.img
files sda2 etc/fstab
cat >sda1/grub2/grub.cfg <<'END'
menuentry 'Firmware' {
	fwsetup
}
menuentry "first" {
	linuxefi ($root)/vmlinuz-5 root=LABEL=x dyndbg=\"file\ a\" 'b c'
	initrdefi ($root)/ucode.img ($root)/initramfs-5.img $more
}
END
starts 'a boot partition, devices and quotes in the menu, two initrds' '@sda1/vmlinuz-5
@sda1/ucode.img @sda1/initramfs-5.img
root=LABEL=x dyndbg="file a" "b c"' sda1 sda2

files sda1 EFI/BOOT/grub.efi grub/grub.cfg
files sda2 boot/vmlinuz-5 etc/fstab
# shellcheck disable=SC2016
echo 'menuentry x {
linux /boot/vmlinuz-5 root=/dev/sda2 ro
}' >sda1/grub/grub.cfg
starts 'a menu on another partition, no initrd' '@sda2/boot/vmlinuz-5

root=/dev/sda2 ro' sda1 sda2

files sda1 boot/grub/grub.cfg boot/vmlinuz-6.1.0-9-amd64 boot/vmlinuz-6.1.0-10-amd64 \
	boot/initrd.img-6.1.0-9-amd64 boot/initrd.img-6.1.0-10-amd64
# shellcheck disable=SC2016
echo 'menuentry x {
linux /boot/$name root=/dev/sda2
initrd /boot/gone
}' >sda1/boot/grub/grub.cfg
starts 'a menu that leads nowhere: the newest kernel' '@sda1/boot/vmlinuz-6.1.0-10-amd64
@sda1/boot/initrd.img-6.1.0-10-amd64
root=UUID=of-sda1 ro console=ttyS0' sda1

for entry in abc-6.9.0 abc-6.10.0 abc-0-rescue; do
	files sda1 "loader/entries/$entry.conf" "$entry/linux" "$entry/initrd"
	# shellcheck disable=SC2016
	printf 'title x\nversion 1\nlinux /%s/linux\ninitrd /%s/initrd $tuned\noptions root=UUID=2 rw\noptions console=ttyS0 $tuned_params\n' \
		"$entry" "$entry" >"sda1/loader/entries/$entry.conf"
done
files sda1 loader/entries/abc-7.conf
echo 'efi /shell.efi' >sda1/loader/entries/abc-7.conf
starts 'loader entries: the highest version with a kernel' '@sda1/abc-6.10.0/linux
@sda1/abc-6.10.0/initrd
root=UUID=2 rw console=ttyS0' sda1

for entry in 8 9; do
	files sda1 "boot/loader/entries/$entry.conf" "boot/vmlinuz-$entry" "boot/initramfs-$entry.img"
	printf 'linux\t/vmlinuz-%s\ninitrd /initramfs-%s.img\noptions a=%s\n' $entry $entry $entry \
		>"sda1/boot/loader/entries/$entry.conf"
done
printf 'timeout 3\ndefault 8*\n' >sda1/boot/loader/loader.conf
starts "loader.conf's default, names as on a boot partition" '@sda1/boot/vmlinuz-8
@sda1/boot/initramfs-8.img
a=8' sda1

files sda1 vmlinuz-5.10 initrd-5.10 vmlinuz-5.9
files sda3 etc/fstab
starts 'a kernel on a boot partition, the root on another' '@sda1/vmlinuz-5.10
@sda1/initrd-5.10
root=UUID=of-sda3 ro console=ttyS0' sda1 sda3

files sda1 vmlinuz-5.10 initrd-5.10
starts 'no root' 'mullion: a kernel on sda1, but no root file system' sda1

files sda1 @rootfs/boot/vmlinuz-5
starts 'a subvolume, no initrd' '@sda1/@rootfs/boot/vmlinuz-5

root=PARTUUID=part-of-sda1 rootflags=subvol=@rootfs ro console=ttyS0' sda1

files sda1 kernels/one initrd.img
ln -s /kernels/two sda1/vmlinuz
ln -s one sda1/kernels/two
starts 'links by the root that they lie in' '@sda1/kernels/one
@sda1/initrd.img
root=UUID=of-sda1 ro console=ttyS0' sda1

files sda1 boot/README
ln -s vmlinuz sda1/vmlinuz
starts 'a link to itself, nothing else' 'mullion: no kernel found on the disk' sda1
