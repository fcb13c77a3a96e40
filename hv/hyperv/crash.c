/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest's last words, see crash.h. Pure. */
#include "hyperv/crash.h"

#include "core/string.h"

bool crash_read(const struct crash *c, u32 msr, u64 *value)
{
	if (msr < CRASH_MSR_FIRST || msr > CRASH_MSR_LAST)
		return false;
	*value = msr == HV_X64_MSR_CRASH_CTL ? HV_CRASH_CTL_NOTIFY | HV_CRASH_CTL_MESSAGE :
					       c->p[msr - HV_X64_MSR_CRASH_P0];
	return true;
}

bool crash_write(struct crash *c, u32 msr, u64 value, u64 *text, u32 *text_size)
{
	if (msr >= HV_X64_MSR_CRASH_P0 && msr <= HV_X64_MSR_CRASH_P4)
		c->p[msr - HV_X64_MSR_CRASH_P0] = value;
	if (msr != HV_X64_MSR_CRASH_CTL || !(value & HV_CRASH_CTL_NOTIFY))
		return false;
	*text = c->p[3];
	*text_size = value & HV_CRASH_CTL_MESSAGE ?
			     (u32)min_u64(c->p[4], PAGE_SIZE - c->p[3] % PAGE_SIZE) :
			     0;
	return true;
}

/* The beginning of the line in which the kernel says why, or size. */
static u32 find_reason(const char *text, u32 size)
{
	static const char words[] = "Kernel panic";
	const u32 length = sizeof(words) - 1;
	u32 line = 0;

	for (u32 i = 0; i + length <= size; i++) {
		if (!memcmp(text + i, words, length))
			return line;
		if (text[i] == '\n')
			line = i + 1;
	}
	return size;
}

void crash_keep(char *kept, u32 room, const char *text, u32 size)
{
	u32 start = 0;

	if (size >= room) {
		start = find_reason(text, size);
		if (start == size)
			start = size - (room - 1);
		size = (u32)min_u64(size - start, room - 1);
	}
	for (u32 i = 0; i < size; i++) {
		char c = text[start + i];

		kept[i] = c == '\n' || (c >= 0x20 && c <= 0x7e) ? c : '?';
	}
	kept[size] = '\0';
}
