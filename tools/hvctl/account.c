/* SPDX-License-Identifier: GPL-2.0-only */
/* What hvd knows of partitions: see account.h. */
#include "account.h"

#include <stddef.h>

/* The numbers: as hvd calls them, and as hvctl's JSON does. */
static const struct {
	const char *name;
	const char *key;
	size_t offset;
} numbers[] = {
	{ "memory", "memory_bytes", offsetof(struct account, memory) },
	{ "mapped_bytes", "mapped_bytes", offsetof(struct account, mapped) },
	{ "pool_bytes", "pool_bytes", offsetof(struct account, pool) },
	{ "pool_free_bytes", "pool_free_bytes", offsetof(struct account, pool_free) },
	{ "table_bytes", "table_bytes", offsetof(struct account, tables) },
	{ "worker_pid", "worker_pid", offsetof(struct account, worker_pid) },
	{ "worker_cpu_ns", "worker_cpu_ns", offsetof(struct account, worker_cpu_ns) },
	{ "worker_rss_bytes", "worker_rss_bytes", offsetof(struct account, worker_rss) },
	{ "console_bytes", "console_bytes", offsetof(struct account, console) },
};

#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

void accounts_open(struct accounts *accounts, const struct cli_call *call)
{
	*accounts = (struct accounts){ 0 };
	accounts->connected = client_open_silent(&accounts->client, call);
	accounts_refresh(accounts);
}

void accounts_refresh(struct accounts *accounts)
{
	sd_json_variant *answer JSON_AUTO = NULL;
	struct reply reply = { 0 };

	sd_json_variant_unref(accounts->partitions);
	accounts->partitions = NULL;
	if (!accounts->connected)
		return;
	accounts->connected = client_call(&accounts->client, "Stats", NULL, &answer) == HVCTL_OK;
	if (!accounts->connected)
		return;
	reply.object = answer;
	accounts->partitions = sd_json_variant_ref(reply_array(&reply, "partitions", false));
}

void accounts_close(struct accounts *accounts)
{
	client_close(&accounts->client);
	sd_json_variant_unref(accounts->partitions);
	*accounts = (struct accounts){ 0 };
}

static uint64_t *number_of(struct account *account, size_t i)
{
	return (uint64_t *)(void *)((char *)account + numbers[i].offset);
}

bool accounts_find(const struct accounts *accounts, uint32_t id, struct account *account)
{
	size_t count = accounts->partitions ? sd_json_variant_elements(accounts->partitions) : 0;

	*account = (struct account){ 0 };
	for (size_t i = 0; i < count; i++) {
		struct reply reply = {
			.object = sd_json_variant_by_index(accounts->partitions, i),
		};

		if (reply_number(&reply, "id", true) != id)
			continue;
		account->name = reply_text(&reply, "name", true);
		account->state = reply_text(&reply, "state", true);
		for (size_t k = 0; k < NUMBERS; k++)
			*number_of(account, k) = reply_number(&reply, numbers[k].name, false);
		return !reply.fault;
	}
	return false;
}

static void print_mib(FILE *out, const char *before, uint64_t bytes)
{
	if (bytes != REPLY_NO_NUMBER)
		fprintf(out, "%s%.1f MiB", before, (double)bytes / (1 << 20));
}

void account_print(FILE *out, const struct account *account)
{
	print_mib(out, "memory ", account->memory);
	print_mib(out, ", mapped ", account->mapped);
	print_mib(out, ", hypervisor's pool ", account->pool);
	print_mib(out, " with free ", account->pool_free);
	print_mib(out, " and page tables ", account->tables);
	fputc('\n', out);
	if (account->worker_pid == REPLY_NO_NUMBER)
		return;
	fprintf(out, "worker %llu", (unsigned long long)account->worker_pid);
	if (account->worker_cpu_ns != REPLY_NO_NUMBER)
		fprintf(out, ", CPU %.3f s", (double)account->worker_cpu_ns / 1e9);
	print_mib(out, ", memory ", account->worker_rss);
	fputc('\n', out);
}

int account_json(sd_json_variant **object, const struct account *account)
{
	struct account copy = *account;
	int error = sd_json_variant_set_field_string(object, "name", account->name);

	if (error >= 0)
		error = sd_json_variant_set_field_string(object, "state", account->state);
	for (size_t i = 0; i < NUMBERS && error >= 0; i++)
		if (*number_of(&copy, i) != REPLY_NO_NUMBER)
			error = sd_json_variant_set_field_unsigned(object, numbers[i].key,
								   *number_of(&copy, i));
	return error;
}
