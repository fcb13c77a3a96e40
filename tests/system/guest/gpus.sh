#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: gpus.sh DIRECTORY MODULE
#
# Two stock Debian 13 with MODULE, mullion_gpu.ko, draw at the same time: each has its own
# picture, the same stock program runs to its end in both, and weights of 1 to 3 give them
# the CPUs in that proportion. Then one of them asks for more memory than it may have, for
# more textures than make sense, and for a picture that takes minutes: the other one goes
# on drawing with the same hv-gpu, the one draws again afterwards, and the kernel of
# neither has anything to complain about.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir -p "$SHARE/$TEST"
cp "$2" "$SHARE/$TEST/mullion_gpu.ko"
cat "$(dirname "$0")/graphics-inside.sh" "$(dirname "$0")/gpus-inside.sh" >"$SHARE/$TEST/inside.sh"
for guest in one two; do
	cp --sparse=always --reflink=auto "$SHARE/disk/graphics.img" "$WORK/$guest.img"
done
guests 1700 --memory 4G --disk "$WORK/one.img" --disk "$WORK/two.img" <<EOS || fail "two guests that draw"
booted
FOLDER=/run/share/$TEST
. "\$FOLDER/inside.sh"
gpus
EOS
