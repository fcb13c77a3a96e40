/* SPDX-License-Identifier: GPL-2.0-only */
/* What hvd knows of partitions: see account.h. */
#include "account.h"

/* The numbers: as hvd calls them, and as hvctl's JSON does. */
static const struct {
	const char *name;
	const char *key;
} numbers[ACCOUNT_NUMBERS] = {
	[ACCOUNT_MEMORY] = { "memory", "memory_bytes" },
	[ACCOUNT_MAPPED] = { "mapped_bytes", "mapped_bytes" },
	[ACCOUNT_POOL] = { "pool_bytes", "pool_bytes" },
	[ACCOUNT_POOL_FREE] = { "pool_free_bytes", "pool_free_bytes" },
	[ACCOUNT_TABLES] = { "table_bytes", "table_bytes" },
	[ACCOUNT_WORKER_PID] = { "worker_pid", "worker_pid" },
	[ACCOUNT_WORKER_CPU] = { "worker_cpu_ns", "worker_cpu_ns" },
	[ACCOUNT_WORKER_RSS] = { "worker_rss_bytes", "worker_rss_bytes" },
};

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
		for (size_t k = 0; k < ACCOUNT_NUMBERS; k++)
			account->numbers[k] = reply_number(&reply, numbers[k].name, false);
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
	const uint64_t *number = account->numbers;

	print_mib(out, "memory ", number[ACCOUNT_MEMORY]);
	print_mib(out, ", mapped ", number[ACCOUNT_MAPPED]);
	print_mib(out, ", hypervisor's pool ", number[ACCOUNT_POOL]);
	print_mib(out, " with free ", number[ACCOUNT_POOL_FREE]);
	print_mib(out, " and page tables ", number[ACCOUNT_TABLES]);
	fputc('\n', out);
	if (number[ACCOUNT_WORKER_PID] == REPLY_NO_NUMBER)
		return;
	fprintf(out, "worker %llu", (unsigned long long)number[ACCOUNT_WORKER_PID]);
	if (number[ACCOUNT_WORKER_CPU] != REPLY_NO_NUMBER)
		fprintf(out, ", CPU %.3f s", (double)number[ACCOUNT_WORKER_CPU] / 1e9);
	print_mib(out, ", memory ", number[ACCOUNT_WORKER_RSS]);
	fputc('\n', out);
}

int account_json(sd_json_variant **object, const struct account *account)
{
	int error = sd_json_variant_set_field_string(object, "name", account->name);

	if (error >= 0)
		error = sd_json_variant_set_field_string(object, "state", account->state);
	for (size_t i = 0; i < ACCOUNT_NUMBERS && error >= 0; i++)
		if (account->numbers[i] != REPLY_NO_NUMBER)
			error = sd_json_variant_set_field_unsigned(object, numbers[i].key,
								   account->numbers[i]);
	return error;
}
