#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: clock.sh DIRECTORY
#
# A guest's clock beside the parent's while both have more to do than CPUs: less than
# 50 ppm apart (clock.c tells how that is measured). Then the guest is suspended: its
# time stands still meanwhile, and goes on where it stood.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"
seconds=40

guests 300 <<EOS || fail "a guest's clock"
booted
same "\$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)" tsc 'clocksource of the parent'
define guest 2 256 'clock load sleep:$((seconds + 15)) facts content sleep:1000'
start guest
says guest 'clock page at'
page=\$(console guest | sed -n 's/.*clock page at //p')
id=\$(hvctl list --no-headers | awk '\$2 == "guest" { print \$1 }')
stress-ng --cpu 2 --timeout $seconds --quiet &
check "drift below 50 ppm under load" /run/share/clock drift "\$id" "\$page" $seconds
wait %%

# What the parent's clock went on, the guest's did, but for the time from the
# suspension to the resumption; each took some time itself.
now() {
	awk '{ printf "%d", \$1 * 1000 }' /proc/uptime
}
read -r parent guest width < <(/run/share/clock ask "\$id" "\$page")
before=\$(now)
hvctl suspend guest
suspended=\$(now)
same "\$(hvctl domstate guest --reason)" 'paused (requested)' state
status=0
/run/share/clock ask "\$id" "\$page" || status=\$?
same "\$status" 3 'exit status of asking a suspended guest for the time'
sleep 3
resuming=\$(now)
hvctl resume guest
resumed=\$(now)
read -r parent_then guest_then width_then < <(/run/share/clock ask "\$id" "\$page")
stood=\$(((parent_then - parent - (guest_then - guest)) / 1000000))
slack=\$((20 + (width + width_then) / 1000000))
echo "its time stood still for \$stood ms, suspended for \$((resuming - suspended)) to \$((resumed - before)) ms"
check 'not shorter than it was suspended' test \$stood -ge \$((resuming - suspended - slack))
check 'not longer than it was suspended' test \$stood -le \$((resumed - before + slack))

says guest 'guest: the kernel is content'
hvctl destroy guest
kernel_is_content
EOS
