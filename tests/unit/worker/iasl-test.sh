#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage: iasl-test.sh UNIT-WORKER-ACPI
#
# The guest's ACPI tables in iasl's words: it finds no fault, and they say what
# they should.

set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"$1" "$dir" >/dev/null
cd "$dir"
for table in FACP APIC XSDT DSDT; do
	iasl -d "$table.dat" >"$table.log" 2>&1 || { cat "$table.log" && exit 1; }
	if grep -iE 'incorrect|invalid|error|unknown|should be' "$table.dsl"; then
		echo "$table: iasl finds fault" >&2
		exit 1
	fi
done

# has TABLE PATTERN
has() {
	grep -qE "$2" "$1.dsl" || { echo "$1: no line fits '$2'" >&2 && cat "$1.dsl" && exit 1; }
}

has FACP 'Hardware Reduced \(V5\) : 1'
has FACP 'Reset Register Supported.*: 1'
has FACP '8042 Present on ports 60/64.*: 0'
has FACP 'CMOS RTC Not Present.*: 0'
has APIC 'PC-AT Compatibility : 0'
[ "$(grep -c 'Processor Local APIC]' APIC.dsl)" -eq 4 ]
has APIC '\[I/O APIC\]'
has DSDT '_HID, "VMBus"'
has DSDT '_HID, "ACPI0004"'
has DSDT '_HID, EisaId \("PNP0501"\)'
has DSDT '0x03F8'
has DSDT '0xC3FFFFFF.*Range Maximum'
has DSDT '_S5'

# The disassembly compiles: the names and resources hold together.
iasl -vs -vw 6033 -p again DSDT.dsl >again.log 2>&1 || { cat again.log && exit 1; }
grep -q '0 Errors' again.log
