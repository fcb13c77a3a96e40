#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: tests/models/ring.sh [VARIANT]
#
# Has spin search ring.pml for lost wake-ups: all of it, and none may be found; or, in
# the variants with a barrier left out (NO_WRITER_FENCE and others, see there), until one
# is found, and one must be. Exit status 1: it is not so.

set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd -P)
variant=${1-}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

spin ${variant:+"-D$variant"} -a "$HERE/ring.pml"
# Safety alone: an end state in which somebody still waits.
gcc -O2 -w -DSAFETY -DCOLLAPSE -DMEMLIM=1024 -o pan pan.c
./pan -m2000000 >log 2>&1 || true
grep -e errors: -e 'states, stored' -e 'max search depth' -e 'out of memory' log

if grep -q -e 'Search not completed' -e 'max search depth too small' -e 'out of memory' log; then
	complete=no
else
	complete=yes
fi
case $variant in
NO_*)
	if grep -q 'invalid end state' log; then
		echo "$variant: a wake-up is lost, as it must" && exit 0
	fi
	;;
*)
	if [ $complete = yes ] && grep -q 'errors: 0' log; then
		echo "no wake-up is lost" && exit 0
	fi
	;;
esac
cat log
exit 1
