/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The words every file of hv uses. Host-testable: no privileged instruction.
 *
 * Addresses are structures so that the compiler tells them apart: a guest
 * physical address (gpa) is what a partition believes in, a host physical
 * address (hpa) is what the memory bus sees. The parent's map is the identity,
 * the types still differ: a gpa has to be checked before it becomes an hpa.
 */
#ifndef HV_CORE_TYPES_H
#define HV_CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

typedef struct {
	u64 v;
} gpa_t;

typedef struct {
	u64 v;
} hpa_t;

#define GPA(x) ((gpa_t){ (x) })
#define HPA(x) ((hpa_t){ (x) })

#define KIB(x) ((u64)(x) << 10)
#define MIB(x) ((u64)(x) << 20)
#define GIB(x) ((u64)(x) << 30)

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ul
#define PAGE_MASK (~(PAGE_SIZE - 1))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n) (1ul << (n))
#define BIT32(n) (1u << (n))

#define __packed __attribute__((packed))
#define __aligned(n) __attribute__((aligned(n)))
#define __noreturn __attribute__((noreturn))
#define __printf(f, a) __attribute__((format(printf, f, a)))

#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

static inline u64 min_u64(u64 a, u64 b)
{
	return a < b ? a : b;
}

static inline u64 max_u64(u64 a, u64 b)
{
	return a > b ? a : b;
}

/* align must be a power of two. */
static inline u64 align_down(u64 x, u64 align)
{
	return x & ~(align - 1);
}

/* Wraps to 0 above 2^64 - align; callers check ranges before. */
static inline u64 align_up(u64 x, u64 align)
{
	return (x + align - 1) & ~(align - 1);
}

#endif
