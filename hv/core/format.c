/* SPDX-License-Identifier: GPL-2.0-only */
/* printf's formatting, the part of it that a hypervisor's log needs. Pure. */
#include "core/format.h"

#include "core/string.h"

struct out {
	char *buf;
	size_t size; /* bytes that may be used, the NUL not counted */
	size_t used;
};

struct spec {
	bool left;
	bool zero;
	size_t width;
	bool has_precision;
	size_t precision;
	bool is_long; /* l or z */
};

static void put(struct out *o, char c)
{
	if (o->used < o->size)
		o->buf[o->used++] = c;
}

static void pad(struct out *o, char c, size_t have, size_t want)
{
	for (; have < want && o->used < o->size; have++)
		put(o, c);
}

static void put_text(struct out *o, const struct spec *s, const char *text, size_t n)
{
	if (!s->left)
		pad(o, ' ', n, s->width);
	for (size_t i = 0; i < n; i++)
		put(o, text[i]);
	if (s->left)
		pad(o, ' ', n, s->width);
}

static void put_number(struct out *o, const struct spec *s, u64 v, unsigned int base, bool negative)
{
	char digits[24];
	size_t n = 0;

	do {
		digits[sizeof(digits) - ++n] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	if (s->zero && !s->left) {
		if (negative)
			put(o, '-');
		pad(o, '0', n + negative, s->width);
		for (size_t i = 0; i < n; i++)
			put(o, digits[sizeof(digits) - n + i]);
		return;
	}
	if (negative)
		digits[sizeof(digits) - ++n] = '-';
	put_text(o, s, digits + sizeof(digits) - n, n);
}

static void put_string(struct out *o, const struct spec *s, const char *text)
{
	size_t n = 0;

	if (!text)
		text = "(null)";
	while ((!s->has_precision || n < s->precision) && text[n])
		n++;
	put_text(o, s, text, n);
}

static const char *parse_number(const char *f, size_t *value)
{
	size_t v = 0;

	for (; *f >= '0' && *f <= '9'; f++) {
		if (v < 100000)
			v = v * 10 + (size_t)(*f - '0');
	}
	*value = v;
	return f;
}

static size_t star(int arg)
{
	return arg < 0 ? 0 : (size_t)arg;
}

size_t hv_vformat(char *buf, size_t size, const char *fmt, va_list args)
{
	struct out o = { .buf = buf, .size = size - 1 };

	while (*fmt) {
		struct spec s = { 0 };
		const char *start = fmt;

		if (*fmt != '%') {
			put(&o, *fmt++);
			continue;
		}
		for (fmt++; *fmt == '0' || *fmt == '-'; fmt++) {
			if (*fmt == '0')
				s.zero = true;
			else
				s.left = true;
		}
		if (*fmt == '*') {
			s.width = star(va_arg(args, int));
			fmt++;
		} else {
			fmt = parse_number(fmt, &s.width);
		}
		if (*fmt == '.') {
			s.has_precision = true;
			if (*++fmt == '*') {
				s.precision = star(va_arg(args, int));
				fmt++;
			} else {
				fmt = parse_number(fmt, &s.precision);
			}
		}
		for (; *fmt == 'l' || *fmt == 'z'; fmt++)
			s.is_long = true;
		switch (*fmt++) {
		case 'd': {
			s64 v = s.is_long ? va_arg(args, long) : va_arg(args, int);

			put_number(&o, &s, v < 0 ? 0 - (u64)v : (u64)v, 10, v < 0);
			break;
		}
		case 'u':
			put_number(&o, &s,
				   s.is_long ? va_arg(args, unsigned long) :
					       va_arg(args, unsigned int),
				   10, false);
			break;
		case 'x':
			put_number(&o, &s,
				   s.is_long ? va_arg(args, unsigned long) :
					       va_arg(args, unsigned int),
				   16, false);
			break;
		case 'p':
			put_number(&o, &s, (u64)(uintptr_t)va_arg(args, void *), 16, false);
			break;
		case 's':
			put_string(&o, &s, va_arg(args, const char *));
			break;
		case 'c': {
			char c = (char)va_arg(args, int);

			put_text(&o, &s, &c, 1);
			break;
		}
		case '%':
			put(&o, '%');
			break;
		default: /* unknown: as it stands */
			fmt = start + 1;
			put(&o, '%');
		}
	}
	o.buf[o.used] = '\0';
	return o.used;
}

size_t hv_format(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	size_t n;

	va_start(args, fmt);
	n = hv_vformat(buf, size, fmt, args);
	va_end(args);
	return n;
}
