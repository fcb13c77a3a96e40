/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mullion_gpu's ioctls, in a guest: what each does, and with which errno it refuses what is
 * wrong. Plain C and the kernel's own headers; linked statically. What is not as it must be
 * is a line on stdout, and the exit status 1.
 *
 *   ioctls [NODE]       all of it (the first virtio_gpu node)
 *   ioctls hold NODE    a context and a dumb buffer on the screen until it is killed
 */
#include <drm/drm.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_mode.h>
#include <drm/virtgpu_drm.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define POINTER(p) ((uint64_t)(uintptr_t)(p))

/* virgl's numbers (virgl_protocol.h, virgl_hw.h), as many as are needed here. */
#define TEXTURE_2D 2u
#define BUFFER 0u
#define R8_UNORM 64u
#define B8G8R8A8_UNORM 1u
#define BIND_RENDER_TARGET (1u << 1)
#define BIND_CUSTOM (1u << 17)
#define COMMAND(code, object, length) ((code) | (object) << 8 | (uint32_t)(length) << 16)
#define NOP COMMAND(0, 0, 0)

static unsigned int failures, checks;
static char node[64];

static void expect_at(int line, const char *what, long got, long wanted)
{
	checks++;
	if (got == wanted)
		return;
	failures++;
	printf("ioctls: line %d: %s is %ld, not %ld\n", line, what, got, wanted);
}

#define expect(expression, wanted) \
	expect_at(__LINE__, #expression, (long)(expression), (long)(wanted))

/* 0 or the negative errno. */
static int call(int fd, unsigned long request, void *argument)
{
	int result;

	do {
		result = ioctl(fd, request, argument);
	} while (result && errno == EINTR);
	return result ? -errno : 0;
}

static uint64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static int open_node(void)
{
	int fd = open(node, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		printf("ioctls: %s: %s\n", node, strerror(errno));
		exit(1);
	}
	return fd;
}

static bool is_ours(const char *path)
{
	char name[32] = "";
	struct drm_version version = { .name = name, .name_len = sizeof(name) - 1 };
	int fd = open(path, O_RDWR | O_CLOEXEC), result;

	if (fd < 0)
		return false;
	result = call(fd, DRM_IOCTL_VERSION, &version);
	close(fd);
	return !result && !strcmp(name, "virtio_gpu");
}

static void find_node(void)
{
	for (int i = 0; i < 16; i++) {
		snprintf(node, sizeof(node), "/dev/dri/card%d", i);
		if (is_ours(node))
			return;
	}
	printf("ioctls: no virtio_gpu node\n");
	exit(1);
}

/* ---- what there is ---- */

static int getparam(int fd, uint64_t param, int *value)
{
	struct drm_virtgpu_getparam args = { .param = param, .value = POINTER(value) };

	return call(fd, DRM_IOCTL_VIRTGPU_GETPARAM, &args);
}

static void test_version(int fd)
{
	char name[32] = "", date[32] = "", text[64] = "";
	struct drm_version version = { .name = name,
				       .name_len = sizeof(name) - 1,
				       .date = date,
				       .date_len = sizeof(date) - 1,
				       .desc = text,
				       .desc_len = sizeof(text) - 1 };
	struct stat status;
	char path[128], link[256] = "";

	expect(call(fd, DRM_IOCTL_VERSION, &version), 0);
	expect(strcmp(name, "virtio_gpu"), 0);
	expect(version.version_major, 0);
	expect(version.version_minor, 1);
	expect(version.version_patchlevel, 0);
	/* As libdrm looks at it. */
	expect(fstat(fd, &status), 0);
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device/subsystem", major(status.st_rdev),
		 minor(status.st_rdev));
	expect(readlink(path, link, sizeof(link) - 1) > 0, 1);
	expect(strcmp(strrchr(link, '/') ? strrchr(link, '/') : "", "/platform"), 0);
}

static void test_getparam(int fd)
{
	static const struct {
		uint64_t param;
		int value;
	} params[] = { { VIRTGPU_PARAM_3D_FEATURES, 1 },
		       { VIRTGPU_PARAM_CAPSET_QUERY_FIX, 1 },
		       { VIRTGPU_PARAM_CROSS_DEVICE, 0 },
		       { VIRTGPU_PARAM_CONTEXT_INIT, 1 },
		       { VIRTGPU_PARAM_EXPLICIT_DEBUG_NAME, 1 } };
	struct drm_virtgpu_getparam bad = { .param = VIRTGPU_PARAM_3D_FEATURES, .value = 1 };
	int value;

	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		value = -1;
		expect(getparam(fd, params[i].param, &value), 0);
		expect(value, params[i].value);
	}
	expect(getparam(fd, VIRTGPU_PARAM_SUPPORTED_CAPSET_IDs, &value), 0);
	expect(!!(value & (1 << 2 | 1 << 1)), 1);
	expect(getparam(fd, 0, &value), -EINVAL);
	expect(getparam(fd, 1000, &value), -EINVAL);
	expect(getparam(fd, UINT64_MAX, &value), -EINVAL);
	expect(call(fd, DRM_IOCTL_VIRTGPU_GETPARAM, &bad), -EFAULT);
}

static void test_caps(int fd)
{
	uint8_t first[2048] = {}, again[2048] = {};
	struct drm_virtgpu_get_caps args = {
		.cap_set_id = 2, .cap_set_ver = 1, .addr = POINTER(first), .size = sizeof(first)
	};

	expect(call(fd, DRM_IOCTL_VIRTGPU_GET_CAPS, &args), 0);
	expect(memcmp(first, again, sizeof(first)) != 0, 1);
	args.addr = POINTER(again);
	expect(call(fd, DRM_IOCTL_VIRTGPU_GET_CAPS, &args), 0);
	expect(memcmp(first, again, sizeof(first)), 0);
	/* No more than was asked for. */
	memset(again, 0xaa, sizeof(again));
	args.size = 16;
	expect(call(fd, DRM_IOCTL_VIRTGPU_GET_CAPS, &args), 0);
	expect(memcmp(first, again, 16), 0);
	expect(again[16], 0xaa);
	args.size = 0;
	expect(call(fd, DRM_IOCTL_VIRTGPU_GET_CAPS, &args), -EINVAL);
	args.size = 16;
	args.addr = 1;
	expect(call(fd, DRM_IOCTL_VIRTGPU_GET_CAPS, &args), -EFAULT);
	args.addr = POINTER(first);
	args.cap_set_id = 77;
	expect(call(fd, DRM_IOCTL_VIRTGPU_GET_CAPS, &args), -EINVAL);
	args.cap_set_id = 2;
	args.cap_set_ver = 1000000;
	expect(call(fd, DRM_IOCTL_VIRTGPU_GET_CAPS, &args), -EINVAL);
}

/* ---- contexts ---- */

static int context_init(int fd, struct drm_virtgpu_context_set_param *params, uint32_t count)
{
	struct drm_virtgpu_context_init args = { .num_params = count,
						 .ctx_set_params = POINTER(params) };

	return call(fd, DRM_IOCTL_VIRTGPU_CONTEXT_INIT, &args);
}

/* On a file of its own; 0 or the error. */
static int try_context(struct drm_virtgpu_context_set_param *params, uint32_t count)
{
	int fd = open_node(), result = context_init(fd, params, count);

	close(fd);
	return result;
}

#define TRY(...)                                                                      \
	try_context((struct drm_virtgpu_context_set_param[]){ __VA_ARGS__ },          \
		    sizeof((struct drm_virtgpu_context_set_param[]){ __VA_ARGS__ }) / \
			    sizeof(struct drm_virtgpu_context_set_param))
#define CAPSET(id) { VIRTGPU_CONTEXT_PARAM_CAPSET_ID, id }
#define RINGS(n) { VIRTGPU_CONTEXT_PARAM_NUM_RINGS, n }
#define POLLED(mask) { VIRTGPU_CONTEXT_PARAM_POLL_RINGS_MASK, mask }
#define NAME(text) { VIRTGPU_CONTEXT_PARAM_DEBUG_NAME, POINTER(text) }

static void test_context(void)
{
	int fd = open_node();
	struct drm_virtgpu_context_set_param capset = CAPSET(2);
	struct drm_virtgpu_context_init padded = { .num_params = 1,
						   .pad = 1,
						   .ctx_set_params = POINTER(&capset) };

	expect(TRY(CAPSET(2)), 0);
	expect(TRY(CAPSET(2), RINGS(64)), 0);
	expect(TRY(CAPSET(2), RINGS(2), POLLED(3), NAME("a test\n")), 0);
	expect(TRY(RINGS(1)), 0);
	expect(TRY(CAPSET(0)), -EINVAL);
	expect(TRY(CAPSET(63)), -EINVAL);
	expect(TRY(CAPSET(UINT64_MAX)), -EINVAL);
	expect(TRY(CAPSET(2), CAPSET(2)), -EINVAL);
	expect(TRY(RINGS(0)), -EINVAL);
	expect(TRY(RINGS(65)), -EINVAL);
	expect(TRY(CAPSET(2), POLLED(1)), -EINVAL);
	expect(TRY(CAPSET(2), RINGS(2), POLLED(4)), -EINVAL);
	expect(TRY(CAPSET(2), { 99, 1 }), -EINVAL);
	expect(TRY(CAPSET(2), { VIRTGPU_CONTEXT_PARAM_DEBUG_NAME, 1 }), -EFAULT);
	expect(TRY(CAPSET(2), RINGS(1), POLLED(1), NAME("x"), NAME("y")), -EINVAL);
	expect(context_init(fd, NULL, 0), -EINVAL);
	expect(context_init(fd, (void *)1, 1), -EFAULT);
	expect(call(fd, DRM_IOCTL_VIRTGPU_CONTEXT_INIT, &padded), -EINVAL);
	expect(context_init(fd, &capset, 1), 0);
	expect(context_init(fd, &capset, 1), -EEXIST);
	close(fd);
}

/* ---- resources ---- */

static int create(int fd, uint32_t target, uint32_t width, uint32_t height, uint32_t size,
		  struct drm_virtgpu_resource_create *args)
{
	*args = (struct drm_virtgpu_resource_create){
		.target = target,
		.format = target == BUFFER ? R8_UNORM : B8G8R8A8_UNORM,
		.bind = target == BUFFER ? BIND_CUSTOM : BIND_RENDER_TARGET,
		.width = width,
		.height = height,
		.depth = 1,
		.array_size = 1,
		.size = size,
	};
	return call(fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE, args);
}

static uint32_t *map(int fd, uint32_t handle, size_t size)
{
	struct drm_virtgpu_map args = { .handle = handle };
	void *bytes;
	bool mapped;

	expect(call(fd, DRM_IOCTL_VIRTGPU_MAP, &args), 0);
	bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)args.offset);
	/* Its name is what a test's script looks for. */
	mapped = bytes != MAP_FAILED;
	expect(mapped, 1);
	if (!mapped)
		exit(1);
	return bytes;
}

static int wait_for(int fd, uint32_t handle, uint32_t flags)
{
	struct drm_virtgpu_3d_wait args = { .handle = handle, .flags = flags };

	return call(fd, DRM_IOCTL_VIRTGPU_WAIT, &args);
}

static void close_handle(int fd, uint32_t handle)
{
	struct drm_gem_close args = { .handle = handle };

	expect(call(fd, DRM_IOCTL_GEM_CLOSE, &args), 0);
}

static int transfer(int fd, unsigned long request, uint32_t handle, uint32_t width, uint32_t height)
{
	/* Both directions have the same structure. */
	struct drm_virtgpu_3d_transfer_to_host args = {
		.bo_handle = handle, .box = { .w = width, .h = height, .d = 1 }
	};

	return call(fd, request, &args);
}

static void test_resource(int fd)
{
	struct drm_virtgpu_resource_create made, other;
	struct drm_virtgpu_resource_info info = {};
	struct drm_virtgpu_map bad = { .handle = 12345 };
	uint32_t *pixels;

	expect(create(fd, TEXTURE_2D, 64, 64, 64 * 64 * 4, &made), 0);
	expect(made.bo_handle != 0 && made.res_handle != 0, 1);
	expect(create(fd, BUFFER, 100, 1, 0, &other), 0);
	expect(other.res_handle != made.res_handle, 1);
	info.bo_handle = made.bo_handle;
	expect(call(fd, DRM_IOCTL_VIRTGPU_RESOURCE_INFO, &info), 0);
	expect(info.res_handle, made.res_handle);
	expect(info.size, 64 * 64 * 4);
	info.bo_handle = 12345;
	expect(call(fd, DRM_IOCTL_VIRTGPU_RESOURCE_INFO, &info), -ENOENT);
	expect(call(fd, DRM_IOCTL_VIRTGPU_MAP, &bad), -ENOENT);
	expect(wait_for(fd, 12345, 0), -ENOENT);
	expect(transfer(fd, DRM_IOCTL_VIRTGPU_TRANSFER_TO_HOST, 12345, 1, 1), -ENOENT);
	expect(transfer(fd, DRM_IOCTL_VIRTGPU_TRANSFER_FROM_HOST, 12345, 1, 1), -ENOENT);

	/* There and back. */
	pixels = map(fd, made.bo_handle, (size_t)64 * 64 * 4);
	for (uint32_t i = 0; i < 64 * 64; i++)
		pixels[i] = i * 0x01010101u;
	expect(transfer(fd, DRM_IOCTL_VIRTGPU_TRANSFER_TO_HOST, made.bo_handle, 64, 64), 0);
	expect(wait_for(fd, made.bo_handle, 0), 0);
	expect(wait_for(fd, made.bo_handle, VIRTGPU_WAIT_NOWAIT), 0);
	memset(pixels, 0, (size_t)64 * 64 * 4);
	expect(transfer(fd, DRM_IOCTL_VIRTGPU_TRANSFER_FROM_HOST, made.bo_handle, 64, 64), 0);
	expect(wait_for(fd, made.bo_handle, 0), 0);
	for (uint32_t i = 0; i < 64 * 64; i++) {
		if (pixels[i] != i * 0x01010101u) {
			expect(pixels[i], i * 0x01010101u);
			break;
		}
	}
	munmap(pixels, (size_t)64 * 64 * 4);
	close_handle(fd, made.bo_handle);
	close_handle(fd, other.bo_handle);
	expect(wait_for(fd, made.bo_handle, 0), -ENOENT);
}

/* Mesa's, not in the kernel's header. */
#define PARAM_GUEST_VRAM 9
#define MEM_GUEST_VRAM 4u

static struct drm_virtgpu_resource_create_blob blob_of(uint32_t memory, uint64_t size)
{
	return (struct drm_virtgpu_resource_create_blob){
		.blob_mem = memory,
		.blob_flags = VIRTGPU_BLOB_FLAG_USE_MAPPABLE,
		.size = size,
	};
}

/* It is what RESOURCE_INFO says, can be mapped, and holds what was written. */
static void keep_blob(int fd, uint32_t memory, uint64_t size)
{
	struct drm_virtgpu_resource_create_blob args = blob_of(memory, size);
	struct drm_virtgpu_resource_info info = { 0 };
	struct drm_virtgpu_map map = { 0 };
	uint32_t *words;
	bool mapped;

	expect(call(fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &args), 0);
	info.bo_handle = map.handle = args.bo_handle;
	expect(call(fd, DRM_IOCTL_VIRTGPU_RESOURCE_INFO, &info), 0);
	expect(info.blob_mem, memory);
	expect(info.res_handle, args.res_handle);
	expect(info.size, (size + PAGE - 1) / PAGE * PAGE);
	expect(call(fd, DRM_IOCTL_VIRTGPU_MAP, &map), 0);
	words = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)map.offset);
	mapped = words != MAP_FAILED;
	expect(mapped, 1);
	if (!mapped)
		return;
	for (uint64_t i = 0; i < size / 4; i += PAGE / 4)
		words[i] = (uint32_t)i;
	for (uint64_t i = 0; i < size / 4; i += PAGE / 4)
		if (words[i] != (uint32_t)i)
			expect(words[i], (uint32_t)i);
	munmap(words, size);
	close_handle(fd, args.bo_handle);
}

/* Made and given up faster than the parent's processes give them back. */
static void blob_flood(int fd)
{
	for (unsigned int i = 0; i < 300; i++) {
		struct drm_virtgpu_resource_create_blob args =
			blob_of(MEM_GUEST_VRAM, 16ull * PAGE);
		int error = call(fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &args);

		if (error) {
			expect(error, 0);
			return;
		}
		close_handle(fd, args.bo_handle);
	}
}

static void test_blob(int fd)
{
	struct drm_virtgpu_resource_create_blob args = { .blob_mem = VIRTGPU_BLOB_MEM_GUEST,
							 .size = PAGE };
	int blobs = 0, visible = 1, vram = 0;

	/* The guest's own memory, and none of the parent's. */
	expect(getparam(fd, VIRTGPU_PARAM_RESOURCE_BLOB, &blobs), 0);
	expect(getparam(fd, VIRTGPU_PARAM_HOST_VISIBLE, &visible), 0);
	expect(getparam(fd, PARAM_GUEST_VRAM, &vram), 0);
	expect(blobs, 1);
	expect(visible, 0);
	expect(vram, 1);
	expect(call(fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &args), -EINVAL);
	args.blob_mem = 0;
	expect(call(fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &args), -EINVAL);
	args = blob_of(VIRTGPU_BLOB_MEM_HOST3D, 0);
	expect(call(fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &args), -EINVAL);
	args = blob_of(VIRTGPU_BLOB_MEM_HOST3D, (1ull << 32) + 1);
	expect(call(fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &args), -EINVAL);
	args = blob_of(VIRTGPU_BLOB_MEM_HOST3D, PAGE);
	args.blob_id = 1;
	expect(call(fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &args), -EINVAL);
	args = blob_of(VIRTGPU_BLOB_MEM_HOST3D, PAGE);
	args.blob_flags = 1u << 7;
	expect(call(fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &args), -EINVAL);
	args = blob_of(VIRTGPU_BLOB_MEM_HOST3D, PAGE);
	args.cmd_size = 4;
	expect(call(fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, &args), -EINVAL);
	keep_blob(fd, VIRTGPU_BLOB_MEM_HOST3D, PAGE);
	keep_blob(fd, MEM_GUEST_VRAM, PAGE + 1);
	keep_blob(fd, MEM_GUEST_VRAM, 8u << 20);
	blob_flood(fd);
}

/* ---- commands ---- */

struct commands {
	const void *bytes;
	uint32_t size, flags, ring, buffers;
	const uint32_t *handles;
	int fence_in, fence_out;
	const struct drm_virtgpu_execbuffer_syncobj *in, *out;
	uint32_t in_count, out_count;
};

static int execute(int fd, struct commands *c)
{
	struct drm_virtgpu_execbuffer args = {
		.flags = c->flags,
		.size = c->size,
		.command = POINTER(c->bytes),
		.bo_handles = POINTER(c->handles),
		.num_bo_handles = c->buffers,
		.fence_fd = c->fence_in,
		.ring_idx = c->ring,
		.syncobj_stride = sizeof(struct drm_virtgpu_execbuffer_syncobj),
		.num_in_syncobjs = c->in_count,
		.num_out_syncobjs = c->out_count,
		.in_syncobjs = POINTER(c->in),
		.out_syncobjs = POINTER(c->out),
	};
	int result = call(fd, DRM_IOCTL_VIRTGPU_EXECBUFFER, &args);

	c->fence_out = args.fence_fd;
	return result;
}

#define EXECUTE(fd, ...) execute(fd, &(struct commands){ __VA_ARGS__ })

static bool signalled(int fence, int milliseconds)
{
	struct pollfd wait = { .fd = fence, .events = POLLIN };

	return poll(&wait, 1, milliseconds) == 1;
}

static void test_commands(void)
{
	static uint32_t nops[40000]; /* longer than a message */
	uint32_t nop = NOP, bad = 12345;
	int fd = open_node();
	struct drm_virtgpu_resource_create made;
	struct commands fenced = { .bytes = &nop,
				   .size = 4,
				   .flags = VIRTGPU_EXECBUF_FENCE_FD_OUT };
	struct commands both;

	expect(EXECUTE(fd, .bytes = &nop, .size = 4), 0);
	expect(EXECUTE(fd, .size = 0), 0);
	expect(EXECUTE(fd, .bytes = nops, .size = sizeof(nops)), 0);
	expect(EXECUTE(fd, .bytes = &nop, .size = 3), -EINVAL);
	expect(EXECUTE(fd, .bytes = &nop, .size = 4, .flags = 0x80), -EINVAL);
	expect(EXECUTE(fd, .bytes = (void *)1, .size = 4), -EFAULT);
	expect(EXECUTE(fd, .bytes = (void *)1, .size = 1 << 20), -EFAULT);
	expect(EXECUTE(fd, .bytes = &nop, .size = 0xfffffffc), -EINVAL);
	expect(EXECUTE(fd, .bytes = &nop, .size = 4, .handles = &bad, .buffers = 1), -ENOENT);
	expect(EXECUTE(fd, .bytes = &nop, .size = 4, .handles = (void *)1, .buffers = 1), -EFAULT);
	expect(EXECUTE(fd, .bytes = &nop, .size = 4, .handles = &bad, .buffers = 0xffffffff),
	       -EINVAL);
	expect(EXECUTE(fd, .bytes = &nop, .size = 4, .flags = VIRTGPU_EXECBUF_RING_IDX), -EINVAL);
	expect(EXECUTE(fd, .bytes = &nop, .size = 4, .flags = VIRTGPU_EXECBUF_FENCE_FD_IN,
		       .fence_in = -1),
	       -EINVAL);
	expect(EXECUTE(fd, .bytes = &nop, .size = 4, .flags = VIRTGPU_EXECBUF_FENCE_FD_IN,
		       .fence_in = fd),
	       -EINVAL);

	expect(execute(fd, &fenced), 0);
	expect(fenced.fence_out >= 0, 1);
	expect(signalled(fenced.fence_out, 20000), 1);
	both = (struct commands){ .bytes = &nop,
				  .size = 4,
				  .fence_in = fenced.fence_out,
				  .flags = VIRTGPU_EXECBUF_FENCE_FD_IN |
					   VIRTGPU_EXECBUF_FENCE_FD_OUT };
	expect(execute(fd, &both), 0);
	expect(signalled(both.fence_out, 20000), 1);
	close(fenced.fence_out);
	close(both.fence_out);

	expect(create(fd, TEXTURE_2D, 16, 16, PAGE, &made), 0);
	expect(EXECUTE(fd, .bytes = &nop, .size = 4, .handles = &made.bo_handle, .buffers = 1), 0);
	expect(wait_for(fd, made.bo_handle, 0), 0);

	/* Commands in a buffer that the submission keeps busy: its fault needs what is held. */
	uint32_t *in_buffer = map(fd, made.bo_handle, PAGE);
	expect(EXECUTE(fd, .bytes = in_buffer, .size = 4, .handles = &made.bo_handle, .buffers = 1),
	       0);
	expect(in_buffer[0], NOP);
	munmap(in_buffer, PAGE);
	close(fd);
}

static void test_rings(void)
{
	struct drm_virtgpu_context_set_param params[] = { CAPSET(2), RINGS(2), POLLED(2) };
	struct pollfd wait = { .events = POLLIN };
	struct drm_event event = {};
	uint32_t nop = NOP;
	int fd = open_node();

	expect(context_init(fd, params, 3), 0);
	expect(EXECUTE(fd, .bytes = &nop, .size = 4, .flags = VIRTGPU_EXECBUF_RING_IDX, .ring = 0),
	       0);
	expect(EXECUTE(fd, .bytes = &nop, .size = 4, .flags = VIRTGPU_EXECBUF_RING_IDX, .ring = 2),
	       -EINVAL);
	expect(EXECUTE(fd, .bytes = &nop, .size = 4, .flags = VIRTGPU_EXECBUF_RING_IDX, .ring = 1),
	       0);
	wait.fd = fd;
	expect(poll(&wait, 1, 20000), 1);
	expect(read(fd, &event, sizeof(event)), sizeof(event));
	expect(event.type, VIRTGPU_EVENT_FENCE_SIGNALED);
	close(fd);
}

/* ---- what the renderer does not take ---- */

static void test_garbage(void)
{
	uint32_t garbage[64], nop = NOP;
	uint64_t until = now_ms() + 30000;
	struct drm_virtgpu_resource_create made;
	struct commands fenced = { .bytes = garbage,
				   .size = sizeof(garbage),
				   .flags = VIRTGPU_EXECBUF_FENCE_FD_OUT };
	int fd = open_node(), other = open_node(), result;

	for (uint32_t i = 0; i < 64; i++)
		garbage[i] = 0xdeadbeefu + i * 2654435761u;
	expect(EXECUTE(other, .bytes = &nop, .size = 4), 0);
	expect(create(fd, TEXTURE_2D, 16, 16, PAGE, &made), 0);
	expect(execute(fd, &fenced), 0);
	/* A fence of a context that is lost is done. */
	expect(signalled(fenced.fence_out, 20000), 1);
	close(fenced.fence_out);
	do {
		result = EXECUTE(fd, .bytes = &nop, .size = 4);
	} while (!result && now_ms() < until);
	expect(result, -EIO);
	expect(transfer(fd, DRM_IOCTL_VIRTGPU_TRANSFER_TO_HOST, made.bo_handle, 16, 16), -EIO);
	expect(wait_for(fd, made.bo_handle, 0), 0);
	/* Nobody else pays. */
	expect(EXECUTE(other, .bytes = &nop, .size = 4), 0);
	close(fd);
	fd = open_node();
	expect(EXECUTE(fd, .bytes = &nop, .size = 4), 0);
	close(fd);
	close(other);
}

/* ---- sync objects ---- */

static uint32_t new_syncobj(int fd)
{
	struct drm_syncobj_create args = {};

	expect(call(fd, DRM_IOCTL_SYNCOBJ_CREATE, &args), 0);
	return args.handle;
}

static int wait_syncobj(int fd, uint32_t handle, uint64_t point)
{
	struct timespec time;
	uint32_t handles[] = { handle };
	uint64_t points[] = { point };
	struct drm_syncobj_timeline_wait args = { .handles = POINTER(handles),
						  .points = POINTER(points),
						  .count_handles = 1 };

	clock_gettime(CLOCK_MONOTONIC, &time);
	args.timeout_nsec = (int64_t)(time.tv_sec + 20) * 1000000000;
	return call(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &args);
}

static void test_syncobj(void)
{
	int fd = open_node();
	uint32_t nop = NOP, binary = new_syncobj(fd), timeline = new_syncobj(fd);
	struct drm_virtgpu_execbuffer_syncobj out[] = { { .handle = binary },
							{ .handle = timeline, .point = 7 } };
	struct drm_virtgpu_execbuffer_syncobj in = { .handle = binary,
						     .flags = VIRTGPU_EXECBUF_SYNCOBJ_RESET };
	struct drm_virtgpu_execbuffer_syncobj bad = { .handle = 999 };
	struct drm_virtgpu_execbuffer_syncobj flagged = { .handle = binary, .flags = 2 };

	expect(EXECUTE(fd, .bytes = &nop, .size = 4, .out = out, .out_count = 2), 0);
	expect(wait_syncobj(fd, binary, 0), 0);
	expect(wait_syncobj(fd, timeline, 7), 0);
	expect(EXECUTE(fd, .bytes = &nop, .size = 4, .in = &in, .in_count = 1), 0);
	/* It was emptied. */
	expect(wait_syncobj(fd, binary, 0), -EINVAL);
	expect(EXECUTE(fd, .bytes = &nop, .size = 4, .in = &bad, .in_count = 1), -ENOENT);
	expect(EXECUTE(fd, .bytes = &nop, .size = 4, .out = &bad, .out_count = 1), -EINVAL);
	expect(EXECUTE(fd, .bytes = &nop, .size = 4, .out = &flagged, .out_count = 1), -EINVAL);
	expect(EXECUTE(fd, .bytes = &nop, .size = 4, .in = &flagged, .in_count = 1), -EINVAL);
	expect(EXECUTE(fd, .bytes = &nop, .size = 4, .in = (void *)1, .in_count = 1), -EFAULT);
	expect(EXECUTE(fd, .bytes = &nop, .size = 4, .out = out, .out_count = 100000), -EINVAL);
	close(fd);
}

/* ---- buffers of two files ---- */

static void test_prime(void)
{
	int one = open_node(), two = open_node();
	struct drm_virtgpu_resource_create made;
	struct drm_virtgpu_resource_info info = {};
	struct drm_prime_handle share = { .flags = DRM_CLOEXEC | DRM_RDWR }, taken = {};
	uint32_t *here, *there, nop = NOP;

	expect(create(one, TEXTURE_2D, 32, 32, PAGE, &made), 0);
	share.handle = made.bo_handle;
	expect(call(one, DRM_IOCTL_PRIME_HANDLE_TO_FD, &share), 0);
	expect(EXECUTE(two, .bytes = &nop, .size = 4), 0);
	taken.fd = share.fd;
	expect(call(two, DRM_IOCTL_PRIME_FD_TO_HANDLE, &taken), 0);
	info.bo_handle = taken.handle;
	expect(call(two, DRM_IOCTL_VIRTGPU_RESOURCE_INFO, &info), 0);
	expect(info.res_handle, made.res_handle);
	here = map(one, made.bo_handle, PAGE);
	there = map(two, taken.handle, PAGE);
	here[5] = 0x12345678;
	expect(there[5], 0x12345678);
	/* By the second one's context. */
	expect(transfer(two, DRM_IOCTL_VIRTGPU_TRANSFER_TO_HOST, taken.handle, 32, 32), 0);
	expect(wait_for(two, taken.handle, 0), 0);
	close(one);
	expect(transfer(two, DRM_IOCTL_VIRTGPU_TRANSFER_FROM_HOST, taken.handle, 32, 32), 0);
	expect(wait_for(two, taken.handle, 0), 0);
	expect(there[5], 0x12345678);
	munmap(here, PAGE);
	munmap(there, PAGE);
	close(share.fd);
	close(two);
}

/* ---- the screen ---- */

struct screen {
	uint32_t connector, crtc, width, height;
	struct drm_mode_modeinfo mode;
	struct drm_mode_create_dumb dumb;
	uint32_t fb;
	uint32_t *pixels;
};

static int add_fb(int fd, const struct drm_mode_create_dumb *dumb, uint32_t format, uint32_t *fb)
{
	struct drm_mode_fb_cmd2 args = { .width = dumb->width,
					 .height = dumb->height,
					 .pixel_format = format,
					 .handles = { dumb->handle },
					 .pitches = { dumb->pitch } };
	int result = call(fd, DRM_IOCTL_MODE_ADDFB2, &args);

	*fb = args.fb_id;
	return result;
}

static uint32_t *map_dumb(int fd, const struct drm_mode_create_dumb *dumb)
{
	struct drm_mode_map_dumb args = { .handle = dumb->handle };
	void *bytes;
	bool mapped;

	expect(call(fd, DRM_IOCTL_MODE_MAP_DUMB, &args), 0);
	bytes = mmap(NULL, dumb->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)args.offset);
	/* Its name is what a test's script looks for. */
	mapped = bytes != MAP_FAILED;
	expect(mapped, 1);
	if (!mapped)
		exit(1);
	return bytes;
}

static void find_screen(int fd, struct screen *screen)
{
	uint32_t connectors[8], crtcs[8];
	struct drm_mode_card_res resources = { .connector_id_ptr = POINTER(connectors),
					       .count_connectors = 8,
					       .crtc_id_ptr = POINTER(crtcs),
					       .count_crtcs = 8 };
	static struct drm_mode_modeinfo modes[64];
	struct drm_mode_get_connector connector = { .modes_ptr = POINTER(modes),
						    .count_modes = 64 };

	expect(call(fd, DRM_IOCTL_MODE_GETRESOURCES, &resources), 0);
	expect(resources.count_connectors >= 1, 1);
	screen->connector = connectors[0];
	screen->crtc = crtcs[0];
	connector.connector_id = connectors[0];
	expect(call(fd, DRM_IOCTL_MODE_GETCONNECTOR, &connector), 0);
	expect(connector.connection, 1);
	expect(connector.count_modes >= 1, 1);
	screen->mode = modes[0];
	expect(!!(modes[0].type & DRM_MODE_TYPE_PREFERRED), 1);
}

static void set_screen(int fd, struct screen *screen)
{
	struct drm_mode_crtc args = { .set_connectors_ptr = POINTER(&screen->connector),
				      .count_connectors = 1,
				      .crtc_id = screen->crtc,
				      .fb_id = screen->fb,
				      .mode_valid = 1,
				      .mode = screen->mode };

	expect(call(fd, DRM_IOCTL_MODE_SETCRTC, &args), 0);
}

static void make_screen(int fd, struct screen *screen)
{
	find_screen(fd, screen);
	screen->dumb = (struct drm_mode_create_dumb){ .width = screen->mode.hdisplay,
						      .height = screen->mode.vdisplay,
						      .bpp = 32 };
	expect(call(fd, DRM_IOCTL_MODE_CREATE_DUMB, &screen->dumb), 0);
	expect(add_fb(fd, &screen->dumb, DRM_FORMAT_XRGB8888, &screen->fb), 0);
	screen->pixels = map_dumb(fd, &screen->dumb);
	memset(screen->pixels, 0x40, screen->dumb.size);
}

/* Milliseconds until the flip was told; -1: it was not. */
static long flip(int fd, const struct screen *screen, uint32_t flags)
{
	struct drm_mode_crtc_page_flip args = { .crtc_id = screen->crtc,
						.fb_id = screen->fb,
						.flags = DRM_MODE_PAGE_FLIP_EVENT | flags };
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	struct drm_event_vblank event;
	uint64_t began = now_ms();

	expect(call(fd, DRM_IOCTL_MODE_PAGE_FLIP, &args), 0);
	if (poll(&wait, 1, 10000) != 1)
		return -1;
	expect(read(fd, &event, sizeof(event)), sizeof(event));
	expect(event.base.type, DRM_EVENT_FLIP_COMPLETE);
	return (long)(now_ms() - began);
}

static void test_vblanks(int fd)
{
	union drm_wait_vblank first = { .request = { .type = _DRM_VBLANK_RELATIVE,
						     .sequence = 0 } };
	union drm_wait_vblank later = { .request = { .type = _DRM_VBLANK_RELATIVE,
						     .sequence = 30 } };
	uint64_t began = now_ms(), took;

	expect(call(fd, DRM_IOCTL_WAIT_VBLANK, &first), 0);
	expect(call(fd, DRM_IOCTL_WAIT_VBLANK, &later), 0);
	took = now_ms() - began;
	expect(later.reply.sequence >= first.reply.sequence + 30, 1);
	/* Half a second at 60 Hz; emulation may take longer. */
	expect(took >= 400 && took < 5000, 1);
}

static void test_damage(int fd, const struct screen *screen)
{
	struct drm_clip_rect clips[] = { { 10, 10, 20, 20 }, { 100, 100, 300, 200 } };
	struct drm_mode_fb_dirty_cmd args = { .fb_id = screen->fb,
					      .num_clips = 2,
					      .clips_ptr = POINTER(clips) };

	expect(call(fd, DRM_IOCTL_MODE_DIRTYFB, &args), 0);
	args.num_clips = 0;
	args.clips_ptr = 0;
	expect(call(fd, DRM_IOCTL_MODE_DIRTYFB, &args), 0);
}

static void test_cursor(int fd, const struct screen *screen)
{
	struct drm_mode_create_dumb image = { .width = 64, .height = 64, .bpp = 32 };
	struct drm_mode_cursor2 args = { .flags = DRM_MODE_CURSOR_BO | DRM_MODE_CURSOR_MOVE,
					 .crtc_id = screen->crtc,
					 .x = 5,
					 .y = 6,
					 .width = 64,
					 .height = 64,
					 .hot_x = 3,
					 .hot_y = 4 };

	expect(call(fd, DRM_IOCTL_MODE_CREATE_DUMB, &image), 0);
	memset(map_dumb(fd, &image), 0xff, image.size);
	args.handle = image.handle;
	expect(call(fd, DRM_IOCTL_MODE_CURSOR2, &args), 0);
	args.flags = DRM_MODE_CURSOR_MOVE;
	for (args.x = -70; args.x < 3000; args.x += 10)
		if (call(fd, DRM_IOCTL_MODE_CURSOR2, &args))
			break;
	expect(args.x, 3000);
	args.flags = DRM_MODE_CURSOR_BO;
	args.width = args.height = 128;
	expect(call(fd, DRM_IOCTL_MODE_CURSOR2, &args) < 0, 1);
	args.width = args.height = 64;
	args.handle = 0;
	expect(call(fd, DRM_IOCTL_MODE_CURSOR2, &args), 0);
}

static void test_dumb(int fd)
{
	struct drm_mode_create_dumb args = { .width = 100, .height = 10, .bpp = 32 };
	struct drm_mode_create_dumb bad[] = { { .width = 100, .height = 10, .bpp = 16 },
					      { .width = 0, .height = 10, .bpp = 32 },
					      { .width = 0x10000000, .height = 16, .bpp = 32 } };
	struct drm_get_cap cap = { .capability = DRM_CAP_ADDFB2_MODIFIERS };
	uint32_t fb;

	expect(call(fd, DRM_IOCTL_MODE_CREATE_DUMB, &args), 0);
	expect(args.pitch >= 400 && args.size >= (__u64)args.pitch * 10, 1);
	expect(add_fb(fd, &args, DRM_FORMAT_ARGB8888, &fb), 0);
	expect(call(fd, DRM_IOCTL_MODE_RMFB, &fb), 0);
	expect(add_fb(fd, &args, DRM_FORMAT_RGB565, &fb), -EINVAL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect(call(fd, DRM_IOCTL_MODE_CREATE_DUMB, &bad[i]), -EINVAL);
	expect(call(fd, DRM_IOCTL_GET_CAP, &cap), 0);
	expect(cap.value, 0);
	cap.capability = DRM_CAP_CURSOR_WIDTH;
	expect(call(fd, DRM_IOCTL_GET_CAP, &cap), 0);
	expect(cap.value, 64);
}

/* A dumb buffer that a context takes up is shown all the same. */
static void test_dumb_drawn(int fd, struct screen *screen)
{
	struct drm_virtgpu_resource_info info = { .bo_handle = screen->dumb.handle };
	uint32_t nop = NOP;

	expect(EXECUTE(fd, .bytes = &nop, .size = 4), 0);
	expect(call(fd, DRM_IOCTL_VIRTGPU_RESOURCE_INFO, &info), 0);
	expect(transfer(fd, DRM_IOCTL_VIRTGPU_TRANSFER_TO_HOST, screen->dumb.handle, 16, 16), 0);
	expect(wait_for(fd, screen->dumb.handle, 0), 0);
	expect(flip(fd, screen, 0) >= 0, 1);
}

static void test_screen(void)
{
	struct screen screen = {};
	int fd = open_node();
	int result = call(fd, DRM_IOCTL_SET_MASTER, NULL);

	test_dumb(fd);
	if (result) {
		printf("ioctls: somebody else has the screen\n");
		close(fd);
		return;
	}
	make_screen(fd, &screen);
	set_screen(fd, &screen);
	for (int i = 0; i < 5; i++)
		expect(flip(fd, &screen, 0) >= 0, 1);
	for (int i = 0; i < 5; i++)
		expect(flip(fd, &screen, DRM_MODE_PAGE_FLIP_ASYNC) >= 0, 1);
	test_vblanks(fd);
	test_damage(fd, &screen);
	test_cursor(fd, &screen);
	test_dumb_drawn(fd, &screen);
	close(fd);
}

/* ---- */

static void __attribute__((noreturn)) hold(void)
{
	struct screen screen = {};
	uint32_t nop = NOP;
	int fd = open_node();

	expect(EXECUTE(fd, .bytes = &nop, .size = 4), 0);
	if (!call(fd, DRM_IOCTL_SET_MASTER, NULL)) {
		make_screen(fd, &screen);
		set_screen(fd, &screen);
	}
	printf("ioctls: holds\n");
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	int fd;

	if (argc > 2)
		snprintf(node, sizeof(node), "%s", argv[2]);
	else if (argc > 1 && argv[1][0] == '/')
		snprintf(node, sizeof(node), "%s", argv[1]);
	else
		find_node();
	if (argc > 1 && !strcmp(argv[1], "hold"))
		hold();
	fd = open_node();
	test_version(fd);
	test_getparam(fd);
	test_caps(fd);
	test_context();
	test_resource(fd);
	test_blob(fd);
	test_commands();
	test_rings();
	test_garbage();
	test_syncobj();
	test_prime();
	close(fd);
	test_screen();
	printf("ioctls: %u of %u checks failed\n", failures, checks);
	return failures ? 1 : 0;
}
