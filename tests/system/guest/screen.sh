#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: screen.sh DIRECTORY KERNEL
#
# A guest with nothing but the stock hyperv_drm has a screen: of the size that its
# definition says; what it draws, hvctl screenshot shows pixel by pixel, also after hv-gpu
# was killed, and after the driver was taken out and put in again.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"

guests 500 <<EOS || fail "a guest's screen by hyperv_drm"
booted
GUEST_KERNEL=$2
$(cat <<'END'
[ "$GUEST_KERNEL" = debian13 ] || KERNEL=$GUESTS/vmlinuz-$GUEST_KERNEL
before=$(accounts)
define scr 1 256 'vmbus screen commands' '<devices>
<video><model type="hyperv"><resolution x="1024" y="768"/></model></video>
</devices>'
commands scr
says scr 'guest: screen: 1024,768 by hyperv_drm'

# shown SEED WHAT: the screenshot is that pattern, sooner or later: the driver writes what
# has changed into its memory by and by.
shown() {
	local until=$((SECONDS + 60))
	until hvctl screenshot scr /tmp/scr.png && /run/share/picture pattern "$1" /tmp/scr.png >/tmp/picture; do
		[ $SECONDS -lt $until ] || fail "$2: $(cat /tmp/picture)"
		sleep 1
	done
	same "$(/run/share/picture size /tmp/scr.png)" 1024x768 "$2"
}

must scr 'echo a line of text >/dev/tty1'
until=$((SECONDS + 60))
until hvctl screenshot scr /tmp/text.png && [ "$(/run/share/picture colours /tmp/text.png | cut -d" " -f1)" -ge 2 ]; do
	[ $SECONDS -lt $until ] || fail 'no text on the screen'
	sleep 1
done
echo "ok: text on the screen: $(/run/share/picture colours /tmp/text.png)"
must scr 'agent picture 1'
shown 1 'what the guest has drawn'
hvctl gpu info scr

replaced scr hv-gpu
shown 1 'the same after hv-gpu was killed'
must scr 'agent picture 2'
shown 2 'what the guest has drawn since'

must scr 'echo 0 >/sys/class/vtconsole/vtcon1/bind'
must scr 'rmmod hyperv_drm'
refused 4 'nothing was shown yet' hvctl screenshot scr /tmp/none.png
must scr 'modprobe hyperv_drm && soon 20 test -c /dev/fb0 && echo 0 >/sys/class/graphics/fbcon/cursor_blink'
must scr 'agent picture 3'
shown 3 'after the driver was taken out and put in again'
must scr step_content
hvctl destroy scr
ends scr 'shutoff (requested)'
balance "$before" 'a guest with a screen'
kernel_is_content
END
)
EOS
