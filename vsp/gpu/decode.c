/* SPDX-License-Identifier: GPL-2.0-only */
/* The form of messages, see decode.h: a row for each type. */
#include "decode.h"

#include <stddef.h>
#include <string.h>

#define PAGE 4096u
#define PFN_END (1ull << 52)
#define LEVELS_MAX 32u

/* What the header's context has to be. */
enum whose {
	NOBODY, /* 0 */
	SOMEBODY, /* not 0 */
	ANYBODY,
};

struct row {
	const char *name;
	uint32_t size; /* without the tail */
	uint32_t tail; /* bytes of an element that may follow, as many as there are; 0: nothing does */
	enum whose whose;
	const char *(*check)(const void *bytes, uint32_t size);
};

/* ---- what several have ---- */

/* Ends with 0 and has nothing else than printable ASCII before it. */
static bool is_text(const char *text, size_t room)
{
	size_t length = strnlen(text, room);

	if (length == room)
		return false;
	for (size_t i = 0; i < length; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

/* Their pages in all, or UINT64_MAX. */
static uint64_t count_pages(const struct mullion_gpu_run *runs, uint32_t count)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (!runs[i].count || runs[i].reserved || runs[i].pfn >= PFN_END)
			return UINT64_MAX;
		pages += runs[i].count;
	}
	return pages;
}

static const char *check_runs(uint32_t told, uint32_t size, uint32_t before)
{
	return told == (size - before) / sizeof(struct mullion_gpu_run) ? NULL :
									  "another count of runs";
}

/* ---- each ---- */

static const char *check_hello(const void *bytes, uint32_t size)
{
	const struct mullion_gpu_hello *hello = bytes;

	(void)size;
	if (hello->version_min > hello->version_max || !hello->version_max)
		return "versions that are none";
	if (hello->page_count < 2 || hello->page_count > MULLION_GPU_SHARED_PAGES_MAX)
		return "a count of pages that cannot be";
	for (uint32_t i = hello->page_count; i < MULLION_GPU_SHARED_PAGES_MAX; i++)
		if (hello->pfns[i])
			return "pages behind the last";
	if (!is_text(hello->driver, sizeof(hello->driver)) ||
	    !is_text(hello->kernel, sizeof(hello->kernel)))
		return "text that is none";
	return NULL;
}

static const char *check_context_create(const void *bytes, uint32_t size)
{
	const struct mullion_gpu_context_create *create = bytes;

	(void)size;
	if (create->reserved)
		return "a reserved field";
	if (!create->rings || create->rings > MULLION_GPU_RINGS_MAX)
		return "a count of rings that cannot be";
	if (!is_text(create->name, sizeof(create->name)))
		return "a name that is none";
	return NULL;
}

static const char *check_name(const void *bytes, uint32_t size)
{
	const struct mullion_gpu_name *name = bytes;

	(void)size;
	return !name->resource ? "resource 0" : name->reserved ? "a reserved field" : NULL;
}

static const char *check_plain_create(const void *bytes, uint32_t size)
{
	const struct mullion_gpu_plain_create *create = bytes;

	(void)size;
	if (!create->resource)
		return "resource 0";
	if (create->reserved)
		return "a reserved field";
	return create->size && create->size <= (uint64_t)DECODE_PAGES_MAX * PAGE ?
		       NULL :
		       "a size that cannot be";
}

static const char *check_resource_create(const void *bytes, uint32_t size)
{
	const struct mullion_gpu_resource_create *create = bytes;

	(void)size;
	if (!create->resource)
		return "resource 0";
	if (create->reserved)
		return "a reserved field";
	if (!create->width || !create->height || !create->depth || !create->array_size)
		return "a size of 0";
	return create->last_level < LEVELS_MAX ? NULL : "levels that cannot be";
}

static const char *check_share(const void *bytes, uint32_t size)
{
	const struct mullion_gpu_share *share = bytes;

	(void)size;
	if (!share->resource)
		return "resource 0";
	return share->as == MULLION_GPU_SHARE_SHM || share->as == MULLION_GPU_SHARE_DMABUF ?
		       NULL :
		       "no such way to share";
}

static const char *check_pages(const void *bytes, uint32_t size)
{
	const struct mullion_gpu_pages *pages = bytes;
	const char *wrong = check_runs(pages->count, size, sizeof(*pages));
	uint64_t count;

	if (wrong)
		return wrong;
	if (!pages->resource)
		return "resource 0";
	if (!pages->count)
		return pages->first || pages->total ? "pages without runs" : NULL;
	if (pages->total > DECODE_PAGES_MAX)
		return "too many pages";
	count = count_pages(pages->runs, pages->count);
	return pages->first <= pages->total && count <= pages->total - pages->first ?
		       NULL :
		       "runs that cannot be";
}

static const char *check_transfer(const void *bytes, uint32_t size)
{
	const struct mullion_gpu_transfer *transfer = bytes;

	(void)size;
	return transfer->resource ? NULL : "resource 0";
}

static const char *check_submit(const void *bytes, uint32_t size)
{
	(void)bytes;
	return (size - sizeof(struct mullion_gpu_header)) % 4 ? "part of a word" : NULL;
}

static const char *check_submit_pages(const void *bytes, uint32_t size)
{
	const struct mullion_gpu_submit_pages *submit = bytes;
	const char *wrong = check_runs(submit->count, size, sizeof(*submit));
	uint64_t count;

	if (wrong)
		return wrong;
	if (submit->reserved)
		return "a reserved field";
	if (!submit->bytes || submit->bytes % 4 || submit->bytes > MULLION_GPU_SUBMIT_MAX ||
	    submit->offset >= PAGE)
		return "a size that cannot be";
	count = count_pages(submit->runs, submit->count);
	return count < PFN_END && count >= ((uint64_t)submit->offset + submit->bytes + PAGE - 1) /
						   PAGE ?
		       NULL :
		       "runs that cannot be";
}

static const char *check_scanout(const void *bytes, uint32_t size)
{
	const struct mullion_gpu_scanout *scanout = bytes;

	(void)size;
	if (scanout->display >= MULLION_GPU_DISPLAYS_MAX)
		return "no such display";
	return scanout->resource && (!scanout->width || !scanout->height) ? "a size of 0" : NULL;
}

static const char *check_flush(const void *bytes, uint32_t size)
{
	const struct mullion_gpu_flush *flush = bytes;

	(void)size;
	if (flush->reserved)
		return "a reserved field";
	return flush->display < MULLION_GPU_DISPLAYS_MAX ? NULL : "no such display";
}

static const char *check_cursor(const void *bytes, uint32_t size)
{
	const struct mullion_gpu_cursor *cursor = bytes;

	(void)size;
	if (cursor->display >= MULLION_GPU_DISPLAYS_MAX)
		return "no such display";
	return cursor->hot_x < MULLION_GPU_CURSOR_SIZE && cursor->hot_y < MULLION_GPU_CURSOR_SIZE ?
		       NULL :
		       "a hot spot outside";
}

#define ROW(type, size, tail, whose, check) \
	[MULLION_GPU_##type] = { #type, size, tail, whose, check }
#define HEADER sizeof(struct mullion_gpu_header)

static const struct row rows[MULLION_GPU_TO_HOST_END] = {
	ROW(HELLO, sizeof(struct mullion_gpu_hello), 0, NOBODY, check_hello),
	ROW(GET_CAPSET, sizeof(struct mullion_gpu_get_capset), 0, NOBODY, NULL),
	ROW(CONTEXT_CREATE, sizeof(struct mullion_gpu_context_create), 0, SOMEBODY,
	    check_context_create),
	ROW(CONTEXT_DESTROY, HEADER, 0, SOMEBODY, NULL),
	ROW(ATTACH, sizeof(struct mullion_gpu_name), 0, SOMEBODY, check_name),
	ROW(DETACH, sizeof(struct mullion_gpu_name), 0, SOMEBODY, check_name),
	ROW(PLAIN_CREATE, sizeof(struct mullion_gpu_plain_create), 0, ANYBODY, check_plain_create),
	ROW(RESOURCE_CREATE, sizeof(struct mullion_gpu_resource_create), 0, ANYBODY,
	    check_resource_create),
	ROW(SHARE, sizeof(struct mullion_gpu_share), 0, ANYBODY, check_share),
	ROW(RESOURCE_DESTROY, sizeof(struct mullion_gpu_name), 0, ANYBODY, check_name),
	ROW(PAGES, sizeof(struct mullion_gpu_pages), sizeof(struct mullion_gpu_run), ANYBODY,
	    check_pages),
	ROW(TRANSFER_TO, sizeof(struct mullion_gpu_transfer), 0, ANYBODY, check_transfer),
	ROW(TRANSFER_FROM, sizeof(struct mullion_gpu_transfer), 0, ANYBODY, check_transfer),
	ROW(SUBMIT, HEADER, 1, SOMEBODY, check_submit),
	ROW(SUBMIT_PAGES, sizeof(struct mullion_gpu_submit_pages), sizeof(struct mullion_gpu_run),
	    SOMEBODY, check_submit_pages),
	ROW(SCANOUT, sizeof(struct mullion_gpu_scanout), 0, NOBODY, check_scanout),
	ROW(FLUSH, sizeof(struct mullion_gpu_flush), 0, NOBODY, check_flush),
	ROW(CURSOR, sizeof(struct mullion_gpu_cursor), 0, NOBODY, check_cursor),
};

/* ---- the header ---- */

static const char *check_context(const struct mullion_gpu_header *header, enum whose whose)
{
	if (whose == NOBODY && header->context)
		return "not for a context";
	if (whose == SOMEBODY && !header->context)
		return "context 0";
	return NULL;
}

static const char *check_fence(const struct mullion_gpu_header *header)
{
	if (!(header->flags & MULLION_GPU_FENCE))
		return header->fence || header->ring ? "a fence without its flag" : NULL;
	if (!header->fence)
		return "fence 0";
	return header->ring < (header->context ? MULLION_GPU_RINGS_MAX : MULLION_GPU_OWN_RINGS) ?
		       NULL :
		       "no such ring";
}

static const char *check_header(const struct mullion_gpu_header *header, uint32_t size)
{
	if (!header->type || header->type >= MULLION_GPU_TO_HOST_END)
		return "no such type";
	if (header->flags & ~MULLION_GPU_FENCE)
		return "flags that are none";
	if (header->reserved)
		return "a reserved field";
	if (header->size > size || size - header->size >= 8 || header->size < sizeof(*header))
		return "another size than the packet's";
	return check_fence(header);
}

static const char *check_size(const struct row *row, uint32_t size)
{
	if (size < row->size || (!row->tail && size != row->size) ||
	    (row->tail && (size - row->size) % row->tail))
		return "a size that cannot be";
	return size <= MULLION_GPU_MESSAGE_MAX ? NULL : "too long";
}

const char *decode_message(const void *bytes, uint32_t size, struct message *message)
{
	const struct row *row;
	const char *wrong;

	*message = (struct message){ .bytes = bytes };
	if (size < sizeof(message->header))
		return "no header";
	memcpy(&message->header, bytes, sizeof(message->header));
	wrong = check_header(&message->header, size);
	if (wrong)
		return wrong;
	message->has_header = true;
	row = &rows[message->header.type];
	wrong = check_context(&message->header, row->whose);
	if (!wrong)
		wrong = check_size(row, message->header.size);
	if (!wrong && row->check)
		wrong = row->check(bytes, message->header.size);
	if (wrong || message->header.type != MULLION_GPU_SUBMIT)
		return wrong;
	message->commands = (const void *)((const uint8_t *)bytes + sizeof(message->header));
	message->command_count =
		(uint32_t)((message->header.size - sizeof(message->header)) / sizeof(uint32_t));
	return NULL;
}

const char *decode_name(uint32_t type)
{
	return type && type < MULLION_GPU_TO_HOST_END ? rows[type].name : "?";
}
