# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# A bootable disk image as a plain file: partitions, GRUB for BIOS and UEFI,
# files into its ext4. No loop device, no mount, no root. Sourced.

SECTOR=512
# Partition starts and sizes in sectors, as parent/image/layout.sfdisk has them.
BIOS_START=2048 BIOS_SIZE=2048
ESP_START=4096 ESP_SIZE=16384
ROOT_START=20480 ROOT_SIZE=8364032
DISK_SIZE=$((ROOT_START + ROOT_SIZE + 2048))

GRUB_MODULES=(part_gpt ext2 fat normal configfile echo test regexp smbios probe
	serial terminal linux multiboot2 boot reboot halt sleep search ls cat minicmd)

# disk_create FILE
disk_create() {
	rm -f "$1"
	truncate -s $((DISK_SIZE * SECTOR)) "$1"
	sfdisk -q "$1" <"$TOP/parent/image/layout.sfdisk"
}

# put FILE SECTOR IMAGE: copies a file to a place in the image.
put() {
	dd if="$1" of="$3" bs=$SECTOR seek="$2" conv=notrunc status=none
}

# poke IMAGE OFFSET BYTES: BYTES as printf's escapes.
poke() {
	printf '%b' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# le64 NUMBER: its eight bytes, lowest first, as printf's escapes.
le64() {
	local i
	for ((i = 0; i < 64; i += 8)); do
		printf '\\x%02x' $((($1 >> i) & 255))
	done
}

# The menu lies in the root file system of the disk that GRUB came from.
GRUB_PREFIX='(,gpt3)/boot/grub'

# grub_core FORMAT FILE MODULE...: what the firmware starts.
grub_core() {
	local format=$1 file=$2
	shift 2
	# shellcheck disable=SC2016 # expanded by GRUB
	echo 'configfile $prefix/grub.cfg' >"$file.cfg"
	grub-mkimage -O "$format" -o "$file" -c "$file.cfg" -p "$GRUB_PREFIX" "$@" "${GRUB_MODULES[@]}"
	rm "$file.cfg"
}

# disk_grub_bios IMAGE TMPDIR: what grub-install does for the BIOS, without a
# device. The MBR loads the core image's first sector from the sector number
# at 0x5c; that sector ends in a block list whose first entry, at 0x1f4, says
# where the rest lies.
disk_grub_bios() {
	local core=$2/core.img mbr=$2/boot.img
	grub_core i386-pc "$core" biosdisk
	[ "$(stat -c %s "$core")" -le $((BIOS_SIZE * SECTOR)) ] || die "GRUB's core image does not fit the BIOS boot partition"
	head -c 440 /usr/lib/grub/i386-pc/boot.img >"$mbr"
	poke "$mbr" $((0x5c)) "$(le64 $BIOS_START)"
	poke "$core" $((0x1f4)) "$(le64 $((BIOS_START + 1)))"
	dd if="$mbr" of="$1" bs=440 count=1 conv=notrunc status=none
	put "$core" $BIOS_START "$1"
}

# disk_grub_uefi IMAGE TMPDIR: the ESP, with GRUB under the fallback name.
disk_grub_uefi() {
	local efi=$2/BOOTX64.EFI esp=$2/esp.img
	grub_core x86_64-efi "$efi" efi_gop
	rm -f "$esp"
	truncate -s $((ESP_SIZE * SECTOR)) "$esp"
	mkfs.fat -i 4d756c6c --invariant -n MULLION "$esp" >/dev/null
	mmd -i "$esp" ::/EFI ::/EFI/BOOT
	mcopy -m -i "$esp" "$efi" ::/EFI/BOOT/
	put "$esp" $ESP_START "$1"
}

# disk_root_from_tar IMAGE TAR: makes the root file system.
disk_root_from_tar() {
	mke2fs -q -F -t ext4 -L mullion-root -U 7d6c9c1a-5b0e-4c0f-9b6f-0a4d756c6c04 \
		-E "offset=$((ROOT_START * SECTOR)),hash_seed=7d6c9c1a-5b0e-4c0f-9b6f-0a4d756c6c05,lazy_itable_init=0" \
		-d "$2" "$1" $((ROOT_SIZE / 2))k 2>&1 | grep -v '^mke2fs' || true
	disk_debugfs "$1" 'stat /sbin/init' >/dev/null
}

# disk_debugfs IMAGE [COMMAND]: one command, or commands on stdin, on the
# root file system; fails where debugfs only complains.
disk_debugfs() {
	local image="$1?offset=$((ROOT_START * SECTOR))" errors
	if [ $# -gt 1 ]; then
		errors=$(debugfs -w -R "$2" "$image" 2>&1 >/dev/null) || true
	else
		errors=$(debugfs -w -f - "$image" 2>&1 >/dev/null) || true
	fi
	errors=$(grep -v -e '^debugfs [0-9]' -e 'mkdir: .*already exists' -e '^rm: File not found' <<<"$errors") || true
	[ -z "$errors" ] || die "writing to $1: ${errors%%$'\n'*}"
}

# disk_install IMAGE TREE: copies the tree's files into the root file system.
disk_install() {
	local kind mode path
	(cd "$2" && find . -mindepth 1 -printf '%y %m %P\n' | sort -k3) | while read -r kind mode path; do
		case $kind in
		d) printf 'mkdir "/%s"\n' "$path" ;;
		f) printf 'rm "/%s"\nwrite "%s" "/%s"\nset_inode_field "/%s" mode 0100%s\n' \
			"$path" "$2/$path" "$path" "$path" "$mode" ;;
		l) printf 'rm "/%s"\nsymlink "/%s" "%s"\n' "$path" "$path" "$(readlink "$2/$path")" ;;
		*) die "cannot put $path into an image: neither file, directory nor link" ;;
		esac
	done | disk_debugfs "$1"
}
