/* SPDX-License-Identifier: GPL-2.0-only */
/* parent/worker's small devices: clock, I/O APIC, ring. */
#include "check.h"

#include "ioapic.h"
#include "ring.h"
#include "rtc.h"

static unsigned digits(uint8_t bcd)
{
	return (unsigned)(bcd >> 4) * 10 + (bcd & 15);
}

/* The clock gives back the time that the C library makes of the same date. */
static void test_rtc(void)
{
	check_seed(0x146818);
	for (unsigned i = 0; i < 2000; i++) {
		time_t now = (time_t)check_below(4102444800u); /* up to 2100 */
		struct tm tm = {
			.tm_sec = (int)digits(rtc_read(0x00, now)),
			.tm_min = (int)digits(rtc_read(0x02, now)),
			.tm_hour = (int)digits(rtc_read(0x04, now)),
			.tm_mday = (int)digits(rtc_read(0x07, now)),
			.tm_mon = (int)digits(rtc_read(0x08, now)) - 1,
			.tm_year = (int)(digits(rtc_read(0x32, now)) * 100 +
					 digits(rtc_read(0x09, now))) -
				   1900,
		};
		int weekday = (int)digits(rtc_read(0x06, now));

		CHECK_INT(timegm(&tm), now);
		CHECK_INT(weekday, tm.tm_wday + 1);
	}
	CHECK_EQ(rtc_read(0x0a, 0) & 0x80, 0); /* never in the midst of an update */
	CHECK_EQ(rtc_read(0x0b, 0), 0x02); /* 24 hours, BCD */
	CHECK_EQ(rtc_read(0x0d, 0), 0x80);
	CHECK_EQ(rtc_read(0x7f, 0), 0);
}

static void test_ioapic(void)
{
	struct interrupt interrupt;
	struct ioapic ioapic;

	memset(&ioapic, 0xa5, sizeof(ioapic));
	ioapic_reset(&ioapic);
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
		CHECK(!ioapic_raise(&ioapic, pin, &interrupt));
	ioapic_write(&ioapic, 0, 1);
	CHECK_EQ(ioapic_read(&ioapic, 0), 1);
	CHECK_EQ(ioapic_read(&ioapic, 0x10), 0x170011);
	ioapic_write(&ioapic, 0x10, 0xffffffff);
	CHECK_EQ(ioapic_read(&ioapic, 0x10), 0x170011);
	ioapic_write(&ioapic, 0, 0);
	ioapic_write(&ioapic, 0x10, 0xffffffff);
	CHECK_EQ(ioapic_read(&ioapic, 0x10), 0x0f000000);
	/* Each entry by itself; what only the chip sets cannot be written. */
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		ioapic_write(&ioapic, 0, 0x11 + 2 * pin);
		ioapic_write(&ioapic, 0x10, (pin + 1) << 24 | 0xffffff);
		CHECK_EQ(ioapic_read(&ioapic, 0x10), (pin + 1) << 24);
		ioapic_write(&ioapic, 0, 0x10 + 2 * pin);
		ioapic_write(&ioapic, 0x10, 0xfffe5500 | (0x30 + pin));
		CHECK_EQ(ioapic_read(&ioapic, 0x10), 0x0500 | (0x30 + pin));
	}
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		CHECK(ioapic_raise(&ioapic, pin, &interrupt));
		CHECK_EQ(interrupt.vector, 0x30 + pin);
		CHECK_EQ(interrupt.destination, pin + 1);
		CHECK_EQ(interrupt.mode, 5);
		CHECK(!interrupt.logical);
	}
	/* Registers that are not there. */
	for (unsigned select = 0x10 + 2 * IOAPIC_PINS; select < 0x100; select++) {
		ioapic_write(&ioapic, 0, select);
		ioapic_write(&ioapic, 0x10, 0xffffffff);
		CHECK_EQ(ioapic_read(&ioapic, 0x10), 0);
	}
	CHECK_EQ(ioapic_read(&ioapic, 4), 0);
}

/* Beside a stream that keeps everything. */
static void test_ring(void)
{
	enum {
		SIZE = 16,
		TOTAL = 20000
	};
	static uint8_t stream[TOTAL];
	uint8_t bytes[SIZE];
	struct ring ring = { .bytes = bytes, .size = SIZE };
	uint64_t at = 0;

	check_seed(0x9146);
	for (unsigned step = 0; ring.written < TOTAL - 64; step++) {
		const uint8_t *piece;
		size_t count, take;

		for (uint64_t n = check_below(24); n; n--) {
			stream[ring.written] = (uint8_t)check_rand();
			ring_put(&ring, stream[ring.written]);
		}
		CHECK_EQ(ring_oldest(&ring), ring.written > SIZE ? ring.written - SIZE : 0);
		CHECK_NOTE("step %u", step);
		for (uint64_t n = check_below(4); n; n--) {
			uint64_t before = at;

			count = ring_peek(&ring, &at, &piece);
			CHECK(at >= before && at >= ring_oldest(&ring) && at <= ring.written);
			CHECK(at == before || at == ring_oldest(&ring));
			CHECK_EQ(count == 0, at == ring.written);
			CHECK(at + count <= ring.written);
			CHECK_MEM(piece, stream + at, count);
			take = check_below(count + 1);
			at += take;
		}
	}
}

int main(void)
{
	CHECK_RUN(test_rtc);
	CHECK_RUN(test_ioapic);
	CHECK_RUN(test_ring);
	return check_done();
}
