#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: guest.sh DIRECTORY
#
# A person defines a stock Debian guest, starts it, lists it, types at its console,
# waits for it and sees why it is off; on its serial console the kernel tells which
# hypervisor it has found, and which clock and timer it uses.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"

guests 200 <<'EOS' || fail "a guest's life by hvctl"
booted
KERNEL_OPTIONS='' define debian 2 256 'facts content shell'
same "$(hvctl domstate debian)" shutoff 'state once defined'
mkfifo /tmp/keys
exec {keys}<>/tmp/keys
start debian /tmp/keys
hvctl list
check 'it is on the list' grep -qE '^ *[0-9]+ +debian +running' <(hvctl list --no-headers)
same "$(hvctl domstate debian --reason)" 'running (resumed)' 'state'
says debian 'Hypervisor detected: Microsoft Hyper-V'
says debian 'smp: Brought up 1 node, 2 CPUs'
says debian 'guest: CPUs online: 2'
says debian 'clocksource: Switched to clocksource hyperv_clocksource_tsc_page'
says debian 'guest: clocksource: hyperv_clocksource_tsc_page'
says debian 'guest: clockevent: Hyper-V clockevent'
says debian 'guest: HVS:'
read -r first second < <(console debian | sed -n 's/^guest: HVS: *\([0-9]*\) *\([0-9]*\) .*/\1 \2/p')
check "synthetic timers interrupt both CPUs: $first, $second" test "$first" -gt 10 -a "$second" -gt 10
says debian 'guest: the kernel is content'
says debian 'guest: a shell'
hvctl dominfo debian
hvctl domstats debian
echo 'echo "typed: $(uname -m)"' >&$keys
says debian 'typed: x86_64'
echo 'poweroff -f' >&$keys
ends debian 'shutoff (poweroff)'
hvctl list --all
hvctl undefine debian
same "$(hvctl list --format name)" '' 'what is left'
kernel_is_content
EOS
