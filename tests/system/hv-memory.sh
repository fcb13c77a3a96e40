#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: hv-memory.sh read|write image|arena
#
# hv's own memory is out of the parent's reach: an access is reported and ends
# the parent, it is not served.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
needs_hv
access=$1
case $2 in
image) which=1 ;;
arena) which=2 ;;
esac
[ "$access" = read ] && value='' || value=0

status=0
machine 200 --append iomem=relaxed <<EOS || status=$?
booted
where=\$(hvctl dmesg | sed -n 's/.* KiB for hv at \([0-9a-f]*\) and \([0-9a-f]*\),.*/\\$which/p' | tail -n 1)
check "hv tells where its memory is: \$where" test -n "\$where"
same "\$(busybox devmem 0xfed00000 8 >/dev/null && echo works)" works 'devmem on a device'
sync
echo "$access at \$where"
busybox devmem 0x\$where 32 $value && echo 'the access was served'
EOS

[ "$status" -eq 125 ] || fail "status $status: the parent outlived its access to hv's memory"
! grep -q 'the access was served' "$OUTPUT" || fail "the access was served"
serial_has 'parent touched hv memory' '(hv) parent killed'
