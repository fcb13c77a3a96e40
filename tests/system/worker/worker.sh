#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: worker.sh DIRECTORY
#
# hv-worker by itself in the parent: test kernels by both protocols (DIRECTORY
# holds worker-guest), ports, memory, each way that a guest ends, and
# configurations that cannot be.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/../lib.sh"
THREADS=single
needs_hv

machine 400 --share "$1" <<'EOS' || fail "hv-worker did not do as it must"
	booted
	worker=/usr/libexec/mullion/hv-worker
	guest=/run/share/worker-guest

	# ends STATUS TEXT ARGUMENT...: a guest's end, and what is said meanwhile.
	ends() {
		local want=$1 text=$2 got=0
		shift 2
		timeout 60 "$worker" --run --memory 64M --debug-exit --kernel "$guest" "$@" \
			</dev/null >/tmp/out 2>&1 || got=$?
		[ "$got" = "$want" ] || cat /tmp/out
		same "$got" "$want" "exit status of $*"
		grep -qF -- "$text" /tmp/out || { cat /tmp/out && fail "$*: it does not say '$text'"; }
	}

	# 2 * 0x10 + 1
	good=33
	echo "the module's text" >/tmp/module
	ends $good "by PVH" --cmdline hello
	ends $good "module: the module's text" --loader pvh --cmdline hello --initrd /tmp/module
	ends $good "by multiboot" --loader multiboot --cmdline hello
	ends $good "module: the module's text" --loader multiboot --cmdline "a b hello" --initrd /tmp/module
	for name in ports strings hole memory; do
		ends $good "" --cmdline $name
	done
	ends 0 "" --cmdline poweroff
	ends 0 "" --cmdline reset --no-reboot
	ends 1 "triple fault" --cmdline triple-fault
	ends 1 "writes memory that is not there (0x80000000)" --cmdline nowhere
	ends 1 "executes memory that is not there" --cmdline execute-nowhere

	# A guest that reboots is the same again, with new memory.
	timeout 20 "$worker" --run --memory 64M --debug-exit --kernel "$guest" --cmdline reset-once \
		</dev/null >/tmp/out 2>&1 && fail "it came to an end"
	check "several reboots: $(grep -c '^up' /tmp/out)" test "$(grep -c '^up' /tmp/out)" -ge 3

	# Told to end, it ends at once, whatever its guest does.
	for name in spin halt; do
		"$worker" --run --memory 64M --vcpus 4 --kernel "$guest" --cmdline $name </dev/null >/tmp/out 2>&1 &
		for _ in $(seq 50); do
			grep -q ing /tmp/out && break
			rest 0.2
		done
		kill %%
		wait %% || fail "exit status $? of $name"
		check "$name was interrupted" grep -q ing /tmp/out
	done

	# What cannot be.
	ends 5 "/nonexistent: No such file" --kernel /nonexistent
	ends 5 "/etc/passwd: not a kernel" --kernel /etc/passwd
	ends 5 "not a bzImage (no HdrS)" --loader bzimage
	ends 5 "not a regular file" --kernel /dev
	ends 5 "this machine has" --memory 100G
	ends 10 "MiB are available" --memory "$(free -m | awk '/^Mem:/ { print $2 - $2 % 2 }')M"
	ends 10 "huge pages" --hugepages
	ends 5 "multiple of 2 MiB" --memory 65M
	ends 5 "too small" --initrd /boot/mullion/hv.elf --kernel /boot/vmlinuz-* --memory 24M

	kernel_is_content
EOS
