#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: smp.sh DIRECTORY debian12|debian13 VPS...
#
# A stock kernel with so many virtual processors, on two CPUs: all of them are online,
# have synthetic timers and interrupts from each other, and see memory alike.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"
case $2 in
debian12) kernel=/srv/guests/vmlinuz-debian12 release=6.1. ;;
debian13) kernel='/boot/vmlinuz-$(uname -r)' release=6.12. ;;
esac
shift 2

guests 400 <<EOS || fail "a guest with several virtual processors"
booted
KERNEL=$kernel
for vps in $*; do
	define guest\$vps \$vps 256 'facts stress:10 content poweroff'
	start guest\$vps
	says guest\$vps 'guest: Linux $release'
	says guest\$vps 'Hypervisor detected: Microsoft Hyper-V'
	says guest\$vps "guest: CPUs online: \$vps"
	says guest\$vps 'guest: clocksource: hyperv_clocksource_tsc_page'
	ends guest\$vps 'shutoff (poweroff)'
	console guest\$vps | grep ^agent:
	says guest\$vps "stress: \$vps CPUs, 10 s"
	says guest\$vps 'guest: the kernel is content'
done
kernel_is_content
EOS
