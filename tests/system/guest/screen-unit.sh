#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: screen-unit.sh DIRECTORY
#
# The process of a guest's screen and GPU as its administrator has it: its rights and
# limits, how they change, what hvctl tells of it and how it refuses; after it was killed
# and after hvd was restarted all is as before. (screen.sh looks at the picture.)

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"

guests 500 <<'EOS' || fail "the process of a guest's screen"
booted
before=$(accounts)
screen() {
	echo "<devices><video><model type='mullion'>${1-}<gputune><memory unit='MiB'>64</memory>
<weight>200</weight><cap>150</cap></gputune></model></video></devices>"
}
define scr 1 256 'vmbus screen commands' "$(screen)"
refused 4 'does not run' hvctl gpu info scr
refused 4 'does not run' hvctl screenshot scr /tmp/none.png
commands scr
says scr 'guest: screen: 1280,800 by hyperv_drm'

# unit PROPERTY
unit() {
	systemctl show -P "$1" mullion-gpu@scr
}
# limited WEIGHT QUOTA CPU.MAX: by systemd, and by the kernel.
limited() {
	same "$(unit CPUWeight) $(unit CPUQuotaPerSecUSec) $(unit MemoryMax)" "$1 $2 1207959552" 'limits'
	same "$(cat "/sys/fs/cgroup$(unit ControlGroup)/cpu.max")" "$3" 'cpu.max'
}
limited 200 1.500000s '150000 100000'
pid=$(pid_of scr hv-gpu)
same "$(awk '/^(Uid|CapEff|NoNewPrivs|Seccomp):/ { print $2 }' "/proc/$pid/status" | sed '1s/[1-9][0-9]*/user/' | xargs)" \
	'user 0000000000000000 1 2' 'user, capabilities, no new privileges, filter'

hvctl gpu set scr --weight 50 --cap 0
limited 50 infinity 'max 100000'
refused 7 'next start' hvctl gpu set scr --memory 128
hvctl gpu set scr --memory 128 --weight 70 --config
[[ $(hvctl dumpxml scr --inactive) = *"<weight>70</weight>"* ]] || fail 'the definition is as before'

info=$(hvctl gpu info scr)
echo "$info"
[[ $info = *'renderer        llvmpipe'*'backend         software'*'64.0 MiB'*'display 0       1280x800, shows 1280x800'* ]] ||
	fail 'gpu info tells something else'
[[ $(hvctl gpu info scr --json) = *'"source":"video"'* ]] || fail 'it is not drawn by the synthetic screen'
[[ $(hvctl dominfo scr) = *'screen      mullion, 1280x800, 64.0 MiB, drawn by video'* ]] || fail 'dominfo'
hvctl domstats scr --gpu
refused 9 'the time is over' hvctl wait scr guest-driver --timeout 1

# shot: there is a picture.
shot() {
	local until=$((SECONDS + 60))
	until hvctl screenshot scr /tmp/scr.png; do
		[ $SECONDS -lt $until ] || fail "no picture: $1"
		sleep 1
	done
	same "$(head -c 8 /tmp/scr.png | od -An -tx1 | xargs)" '89 50 4e 47 0d 0a 1a 0a' "a picture: $1"
}
shot 'at first'
same "$(hvctl screenshot scr - | head -c 4 | tail -c 3)" PNG 'a picture on standard output'
refused 4 'nothing was shown yet' hvctl screenshot scr /tmp/none.png --screen 3
[ ! -e /tmp/none.png ] || fail 'a file without a picture'
hvctl gpu display scr --size 1024x768
[[ $(hvctl gpu info scr) = *'display 0       1024x768'* ]] || fail 'another mode is not asked for'

watch_events scr
replaced scr hv-gpu
told scr device_error hv-gpu
shot 'after it was killed'
limited 50 infinity 'max 100000'
old=$(pid_of scr hv-gpu)
systemctl restart mullion-hvd
hvctl wait scr running --timeout 60
until [ -n "$(pid_of scr hv-gpu)" ]; do rest 0.4; done
same "$(pid_of scr hv-gpu)" "$old" 'hv-gpu after hvd was restarted'
shot 'after hvd was restarted'
limited 50 infinity 'max 100000'
replaced scr hv-gpu
limited 50 infinity 'max 100000'

hvctl destroy scr
ends scr 'shutoff (requested)'
same "$(systemctl list-units --all --plain --no-legend 'mullion-gpu@*' | wc -l)" 0 'units that are left'
definition blind 1 256 'vmbus' "$(screen '<acceleration rendernode="/dev/null"/>')" >/tmp/blind.xml
refused 5 "not a GPU's render node" hvctl define /tmp/blind.xml
balance "$before" 'a guest with a screen'
kernel_is_content
EOS
