#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: several.sh DIRECTORY
#
# Two, then four guests at once under load, each with two virtual processors: all do
# what they have to, none sees anything of the others.

# shellcheck source=tests/system/guest/lib.sh
. "$(dirname "$0")/lib.sh"

guests 400 <<'EOS' || fail "several guests at once"
booted
together() {
	local name
	for name; do
		define "$name" 2 160 'facts stress:12 content poweroff'
		start "$name"
	done
	hvctl list
	same "$(hvctl list --format name | xargs)" "$*" 'at the same time'
	for name; do
		says "$name" 'guest: CPUs online: 2' 150
	done
	for name; do
		ends "$name" 'shutoff (poweroff)' 150
		says "$name" 'stress: 2 CPUs, 12 s'
		says "$name" 'guest: the kernel is content'
		hvctl undefine "$name"
	done
}
together one two
together four one three two
kernel_is_content
EOS
