#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: graphics.sh DIRECTORY MODULE [KILLS [RELOADS]]
#
# A stock Debian 13 with MODULE, mullion_gpu.ko, as the only addition: it takes the screen
# over from hyperv_drm; Mesa draws with virgl, what it draws is right when read back and on
# hvctl screenshot, and the same as the parent's Mesa draws; stock programs run to their
# end, a compositor shows its client. hv-gpu is killed KILLS times in the middle of frames,
# the driver taken out and put in again RELOADS times while it is in use: what is started
# afterwards draws right, and the guest's kernel has nothing to complain about.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"
MODULE=$2
KILLS=${3-10}
RELOADS=${4-5}

mkdir -p "$SHARE/$TEST"
cp "$MODULE" "$SHARE/$TEST/mullion_gpu.ko"
cp "$(dirname "$0")/graphics-inside.sh" "$SHARE/$TEST/inside.sh"
cp --sparse=always "$SHARE/disk/graphics.img" "$WORK/disk.img"
guests $((900 + KILLS * 30 + RELOADS * 40)) --memory 4G --disk "$WORK/disk.img" <<EOS || fail "a guest that draws with its GPU"
booted
FOLDER=/run/share/$TEST
. "\$FOLDER/inside.sh"
graphics $KILLS $RELOADS
EOS
