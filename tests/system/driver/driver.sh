#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: driver.sh DIRECTORY
#
# mullion_root and hvctl in the parent: what /dev/mullion refuses (DIRECTORY
# holds device-test), loading and unloading, who may ask, what hvctl prints.

# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/../lib.sh"
needs_hv

machine 240 --share "$1" <<'EOS' || fail "mullion_root or hvctl did not do as they must"
	booted
	check "device-test" /run/share/device-test

	status() {
		local want=$1 got=0
		shift
		"$@" >/dev/null 2>&1 || got=$?
		same "$got" "$want" "exit status of $*"
	}

	# Only root asks.
	useradd --no-create-home someone
	status 8 runuser -u someone -- hvctl version
	status 8 runuser -u someone -- hvctl dmesg

	# A mapping keeps the module, as the daemon does; an unloaded one leaves nothing behind.
	systemctl stop mullion-hvd
	hvctl dmesg --follow --timeout 5 >/dev/null 2>&1 &
	sleep 2
	status 1 rmmod mullion_root
	wait || true
	for _ in 1 2 3 4 5; do
		rmmod mullion_root
		check "no device without the module" test ! -e /dev/mullion
		status 6 hvctl version
		status 6 hvctl domstats 0
		modprobe mullion_root
		status 0 hvctl version
	done

	status 3 hvctl domstats 7
	status 6 hvctl domstats --connect /nonexistent nobody
	status 9 hvctl dmesg --follow --timeout 0.5
	status 9 hvctl domstats --interval 1 --timeout 0.5
	same "$(hvctl domstats --format name)" 0 "partitions"
	same "$(hvctl domstats 0 --interval 0.5 --count 3 --json | grep -c '^{"schema":1,"interval_ns":')" 3 "objects of three intervals"
	check "dmesg as JSON" grep -q '^{"schema":1,"boot":[0-9]*,"records":\[{' <(hvctl dmesg --json)
	check "version as JSON" grep -q '^{"schema":1,"hvctl":{.*,"hv":{"version":' <(hvctl version --json)

	# The module asks hv when it loads: a hypercall more.
	hypercalls() {
		hvctl domstats 0 --json | grep -o '"hypercall":[0-9]*' | head -n 1 | cut -d: -f2
	}
	before=$(hypercalls)
	rmmod mullion_root
	modprobe mullion_root
	after=$(hypercalls)
	check "hypercalls grow: $before, $after" test "$after" -gt "$before"
	kernel_is_content
EOS
