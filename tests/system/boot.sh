#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: boot.sh CPUS bios|uefi
#
# The parent boots to multi-user under hv, with all CPUs, and hv knows them all.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
cpus=$1 firmware=$2

options=(--cpus "$cpus")
[ "$firmware" = bios ] || options+=(--uefi)

# shellcheck disable=SC2016
script='
	booted
	systemd-analyze | head -n 1
	same "$(nproc)" '"$cpus"' nproc
	kernel_is_content
	same "$(test -d /sys/firmware/efi && echo uefi || echo bios)" '"$firmware"' firmware
'
# shellcheck disable=SC2016
hv_script='
	hypervisor_on_every_cpu
	check "CPUID announces a hypervisor" grep -qw hypervisor /proc/cpuinfo
	hvctl version
	same "$(hvctl version | awk "/^CPUs/ { print \$2 }")" '"$cpus"' "CPUs in guest mode"
	check "the log reaches the parent" grep -q "starting the parent" <(hvctl dmesg)
	hvctl domstats 0
	same "$(hvctl --json domstats 0 | grep -o "\"vcpu\":" | wc -l)" '"$cpus"' "VPs in the statistics"
'
[ -n "${MULLION_BARE-}" ] || script+=$hv_script

machine 240 "${options[@]}" <<<"$script" || fail "the parent did not come up as it must"
[ -n "${MULLION_BARE-}" ] || serial_has '(hv) Mullion' '(hv) starting the parent'
