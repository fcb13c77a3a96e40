#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: boot.sh CPUS bios|uefi
#
# The parent boots to multi-user with all CPUs. Under hv disk.sh and network.sh look at
# that too, each in a machine of another kind.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
machine_kind "$1" "$2"

machine 240 "${KIND[@]}" <<EOS || fail "the parent did not come up as it must"
booted
$WHOLE
kernel_is_content
EOS
