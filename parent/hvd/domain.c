/* SPDX-License-Identifier: GPL-2.0-only */
/* The definition itself: see domain.h. */
#include "domain.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUEST_MEMORY_STEP UINT64_C(0x200000)

void domain_free(struct domain *domain)
{
	if (!domain)
		return;
	free(domain->name);
	free(domain->title);
	free(domain->description);
	free(domain->metadata);
	free(domain->kernel);
	free(domain->initrd);
	free(domain->cmdline);
	domain_free_devices(domain);
	free(domain);
}

/* Replaces *text by a string of its own; false: no memory. */
static bool own(char **text)
{
	if (*text)
		*text = strdup(*text);
	else
		return true;
	return *text != NULL;
}

struct domain *domain_copy(const struct domain *domain)
{
	struct domain *copy = malloc(sizeof(*copy));
	char **texts[7];
	size_t done = 0;

	if (!copy)
		return NULL;
	*copy = *domain;
	texts[0] = &copy->name;
	texts[1] = &copy->title;
	texts[2] = &copy->description;
	texts[3] = &copy->metadata;
	texts[4] = &copy->kernel;
	texts[5] = &copy->initrd;
	texts[6] = &copy->cmdline;
	if (!domain_own_devices(copy)) {
		free(copy);
		return NULL;
	}
	while (done < 7 && own(texts[done]))
		done++;
	if (done < 7) {
		/* Those from here on are still the other domain's. */
		while (done < 7)
			*texts[done++] = NULL;
		domain_free(copy);
		return NULL;
	}
	return copy;
}

uint64_t domain_guest_memory(const struct domain *domain)
{
	return (domain->memory + GUEST_MEMORY_STEP - 1) / GUEST_MEMORY_STEP * GUEST_MEMORY_STEP;
}

/* Microseconds of a period as thousandths; what is not nothing stays more than that. */
static uint32_t thousandths(uint32_t part, uint32_t period)
{
	uint64_t share = ((uint64_t)part * DOMAIN_SHARE_MAX + period - 1) / period;

	return share > DOMAIN_SHARE_MAX ? DOMAIN_SHARE_MAX : (uint32_t)share;
}

uint32_t domain_cap(const struct domain *domain)
{
	return thousandths(domain->quota, domain->period);
}

uint32_t domain_reserve(const struct domain *domain)
{
	return thousandths(domain->reserve, domain->period);
}

void domain_set_shares(struct domain *domain, uint32_t cap, uint32_t reserve)
{
	domain->period = DOMAIN_PERIOD_DEFAULT;
	domain->quota = cap * (DOMAIN_PERIOD_DEFAULT / DOMAIN_SHARE_MAX);
	domain->reserve = reserve * (DOMAIN_PERIOD_DEFAULT / DOMAIN_SHARE_MAX);
}

const struct cpuset *domain_cpus(const struct domain *domain, uint32_t vcpu)
{
	if (!cpuset_is_empty(&domain->pins[vcpu]))
		return &domain->pins[vcpu];
	return cpuset_is_empty(&domain->cpus) ? NULL : &domain->cpus;
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

bool domain_name_is_valid(const char *text)
{
	size_t length = strlen(text);
	bool digits = true;
	sd_id128_t id;

	if (!length || length >= DOMAIN_NAME_MAX || text[0] == '.' || text[0] == '-')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!is_name_char(text[i]) || (unsigned char)text[i] >= 0x80)
			return false;
		digits = digits && isdigit((unsigned char)text[i]);
	}
	return !digits && sd_id128_from_string(text, &id) < 0;
}

const char *domain_action_name(enum domain_action action)
{
	static const char *const names[] = { "destroy", "restart", "preserve" };

	return names[action];
}

/* Cuts at the beginning of a character, and leaves no control character in. */
static void tidy(char *text, size_t length)
{
	while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	text[length] = '\0';
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = ' ';
	}
}

bool domain_complain(struct domain_error *error, enum domain_problem problem, unsigned int line,
		     const char *format, ...)
{
	char message[2 * DOMAIN_MESSAGE];
	va_list arguments;
	size_t length;

	error->problem = problem;
	error->line = line;
	error->column = 0;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	length = strlen(message);
	if (length >= DOMAIN_MESSAGE)
		length = DOMAIN_MESSAGE - 1;
	tidy(message, length);
	memcpy(error->message, message, strlen(message) + 1);
	return false;
}
