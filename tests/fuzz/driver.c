/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Feeds a fuzz target with inputs that it makes out of earlier ones: those that
 * reached code, or reached it more often, than any before are kept. The input
 * that ends the program is left in the file crash-NAME.
 */
#include "check.h"

#define INPUT_MAX 512
#define KEPT_MAX 4096
#define MAP_SIZE 65536u

struct input {
	size_t size;
	uint8_t data[INPUT_MAX];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __sanitizer_cov_trace_pc(void);
const char *__asan_default_options(void);
void __sanitizer_set_death_callback(void (*callback)(void)); /* ASan's */

static struct input kept[KEPT_MAX], current;
static size_t kept_count;
static uint8_t hits[MAP_SIZE], seen[MAP_SIZE];
static uintptr_t last_pc;
static const char *name;

/* The compiler calls it at each branch of the target: steps are counted. */
void __sanitizer_cov_trace_pc(void)
{
	uintptr_t pc = (uintptr_t)__builtin_return_address(0) * 0x9e3779b1u;
	uint8_t *hit = &hits[((pc >> 8) ^ last_pc) % MAP_SIZE];

	last_pc = pc >> 9;
	if (*hit != UINT8_MAX)
		++*hit;
}

static void write_crash(void)
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), "crash-%s", name);
	file = fopen(path, "wb");
	if (!file)
		return;
	fwrite(current.data, 1, current.size, file);
	fclose(file);
	fprintf(stderr, "the input is in %s\n", path);
}

/* A target says abort() when it finds something wrong. */
const char *__asan_default_options(void)
{
	return "handle_abort=1";
}

/* Counts below the next power of two are the same. True when something is new. */
static bool is_new(void)
{
	bool found = false;

	for (size_t i = 0; i < MAP_SIZE; i++) {
		uint8_t class = 0;

		while (hits[i] >> class)
			class ++;
		found |= class > seen[i];
		if (class > seen[i])
			seen[i] = class;
	}
	return found;
}

static void run_current(void)
{
	uint8_t *copy;

	memset(hits, 0, sizeof(hits));
	last_pc = 0;
	/* Of exactly its size, so that ASan sees what is read beyond. */
	copy = malloc(current.size ? current.size : 1);
	REQUIRE(copy);
	memcpy(copy, current.data, current.size);
	LLVMFuzzerTestOneInput(copy, current.size);
	free(copy);
	check_state.checks++;
	if (is_new() && kept_count < KEPT_MAX)
		kept[kept_count++] = current;
}

static void insert(size_t at, const uint8_t *data, size_t n)
{
	n = n > INPUT_MAX - current.size ? INPUT_MAX - current.size : n;
	memmove(current.data + at + n, current.data + at, current.size - at);
	memcpy(current.data + at, data, n);
	current.size += n;
}

static void mutate(void)
{
	const struct input *other = &kept[check_below(kept_count)];
	size_t at = check_below(current.size + 1), n = check_below(16);
	uint8_t random[16];

	for (size_t i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)check_rand();
	switch (check_below(4)) {
	case 0:
		insert(at, random, n);
		break;
	case 1:
		n = n > current.size - at ? current.size - at : n;
		memmove(current.data + at, current.data + at + n, current.size - at - n);
		current.size -= n;
		break;
	case 2:
		if (at < current.size)
			current.data[at] = (uint8_t)(check_below(2) ?
							     random[0] :
							     current.data[at] ^ 1 << n % 8);
		break;
	default:
		n = check_below(other->size + 1);
		insert(at, other->data + n, other->size - n);
		break;
	}
}

static void read_file(const char *path)
{
	FILE *file = fopen(path, "rb");

	REQUIRE(file);
	current.size = fread(current.data, 1, INPUT_MAX, file);
	fclose(file);
	run_current();
}

int main(int argc, char **argv)
{
	unsigned long runs = argc > 1 ? strtoul(argv[1], NULL, 0) : 4000;

	name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	__sanitizer_set_death_callback(write_crash);
	check_seed(0xf022);
	run_current();
	for (int i = 2; i < argc; i++)
		read_file(argv[i]);
	for (unsigned long i = 0; i < runs; i++) {
		current = kept[check_below(kept_count)];
		for (uint64_t n = 1 + check_below(4); n; n--)
			mutate();
		run_current();
	}
	printf("%zu inputs kept\n", kept_count);
	return check_done();
}
