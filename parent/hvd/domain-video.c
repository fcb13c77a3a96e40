/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The screen of a partition, <video>: read, see domain-xml.h, and its render node opened.
 * What is left out becomes what it stands for, so that a definition shows it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <mullion/vram.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "domain-xml.h"

#define KIB UINT64_C(1024)
#define PIXEL 4u /* bytes */
/* Of a DRM device's nodes: linux/Documentation/admin-guide/devices.txt. */
#define DRM_MAJOR 226u
#define RENDER_MINOR_FIRST 128u

/* In the order of enum domain_model, which has none in front. */
static const char *const models[] = { "none", "hyperv", "mullion", NULL };

const char *domain_model_name(enum domain_model model)
{
	return model == DOMAIN_NO_VIDEO ? "" : models[model - DOMAIN_VIDEO_NONE];
}

bool domain_has_screen(const struct domain *domain)
{
	return domain->video.model == DOMAIN_VIDEO_HYPERV ||
	       domain->video.model == DOMAIN_VIDEO_MULLION;
}

bool domain_has_gpu(const struct domain *domain)
{
	return domain->video.model == DOMAIN_VIDEO_MULLION && domain->video.accel3d;
}

uint64_t domain_vram(const struct domain *domain)
{
	return domain_has_screen(domain) ? domain->video.vram : 0;
}

/* A number of an attribute, or what it stands for without one. */
static uint32_t number_or(xmlNodePtr node, const char *name, uint32_t otherwise)
{
	uint32_t number = domain_xml_number(node, name);

	return number ? number : otherwise;
}

static enum domain_model model_of(xmlNodePtr node)
{
	char text[16];

	for (unsigned int i = 0;
	     domain_xml_attribute(node, "type", text, sizeof(text)) && models[i]; i++) {
		if (strcmp(models[i], text) == 0)
			return (enum domain_model)(DOMAIN_VIDEO_NONE + i);
	}
	return DOMAIN_VIDEO_NONE;
}

static bool take_acceleration(struct domain_video *video, xmlNodePtr node,
			      struct domain_error *error)
{
	bool may = video->model == DOMAIN_VIDEO_MULLION;
	xmlChar *path;
	char text[8];

	video->accel3d = may;
	if (!node)
		return true;
	video->node_line = domain_xml_line(node);
	if (domain_xml_attribute(node, "accel3d", text, sizeof(text)))
		video->accel3d = strcmp(text, "yes") == 0;
	if (video->accel3d && !may)
		return domain_complain(error, DOMAIN_BAD, video->node_line,
				       "<acceleration>: a model of type '%s' has none",
				       domain_model_name(video->model));
	path = xmlGetNoNsProp(node, BAD_CAST "rendernode");
	video->render_node = path ? strdup((const char *)path) : NULL;
	if (path && !video->render_node) {
		xmlFree(path);
		return domain_complain(error, DOMAIN_FAILED, 0, "out of memory");
	}
	xmlFree(path);
	if (video->render_node && !video->accel3d)
		return domain_complain(error, DOMAIN_BAD, video->node_line,
				       "<acceleration>: a render node, and no acceleration");
	return true;
}

/* The renderer's limits. */
static bool take_tune(struct domain_video *video, xmlNodePtr node, struct domain_error *error)
{
	xmlNodePtr memory = domain_xml_child(node, "memory");
	uint64_t weight, cap;

	video->memory = DOMAIN_GPU_MEMORY_DEFAULT;
	if ((memory && !domain_xml_size(memory, &video->memory, error)) ||
	    !domain_xml_element_number(domain_xml_child(node, "weight"), DOMAIN_WEIGHT_DEFAULT,
				       &weight, error) ||
	    !domain_xml_element_number(domain_xml_child(node, "cap"), 0, &cap, error))
		return false;
	video->weight = (uint32_t)weight;
	video->cap = (uint32_t)cap;
	if (video->memory < DOMAIN_GPU_MEMORY_MIN)
		return domain_complain(error, DOMAIN_BAD, domain_xml_line(memory),
				       "<memory>: less than %u MiB", DOMAIN_GPU_MEMORY_MIN >> 20);
	if (video->memory > DOMAIN_GPU_MEMORY_MAX)
		return domain_complain(error, DOMAIN_BAD, domain_xml_line(memory),
				       "<memory>: more than %" PRIu64 " MiB",
				       DOMAIN_GPU_MEMORY_MAX >> 20);
	return true;
}

static bool take_model(struct domain_video *video, xmlNodePtr node, struct domain_error *error)
{
	xmlNodePtr resolution = domain_xml_child(node, "resolution");
	xmlNodePtr tune = domain_xml_child(node, "gputune");

	video->vram = number_or(node, "vram", DOMAIN_VRAM_DEFAULT / KIB) * KIB;
	video->width = number_or(resolution, "x", DOMAIN_WIDTH_DEFAULT);
	video->height = number_or(resolution, "y", DOMAIN_HEIGHT_DEFAULT);
	if (video->vram % MULLION_VRAM_UNIT)
		return domain_complain(error, DOMAIN_BAD, domain_xml_line(node),
				       "<model>: attribute 'vram': not a multiple of %u",
				       MULLION_VRAM_UNIT / (unsigned int)KIB);
	return take_acceleration(video, domain_xml_child(node, "acceleration"), error) &&
	       take_tune(video, tune, error);
}

/* A screen of its size has to find room in what hyperv_drm gets. */
static bool check_resolution(const struct domain *domain, xmlNodePtr node,
			     struct domain_error *error)
{
	const struct domain_video *video = &domain->video;
	uint64_t need = (uint64_t)video->width * video->height * PIXEL;
	uint64_t window = video->vram;

	if (need <= window)
		return true;
	return domain_complain(error, DOMAIN_BAD, domain_xml_line(node),
			       "<resolution>: %" PRIu32 " by %" PRIu32 " needs %" PRIu64
			       " KiB, and the screen has %" PRIu64 " of vram",
			       video->width, video->height, (need + KIB - 1) / KIB, window / KIB);
}

bool domain_take_video(struct domain *domain, xmlNodePtr node, struct domain_error *error)
{
	struct domain_video *video = &domain->video;
	xmlNodePtr model = domain_xml_child(node, "model");
	xmlNodePtr resolution = domain_xml_child(model, "resolution");

	video->model = model_of(model);
	video->line = domain_xml_line(node);
	if (video->model == DOMAIN_VIDEO_NONE)
		return !xmlChildElementCount(model) ||
		       domain_complain(error, DOMAIN_BAD, domain_xml_line(model),
				       "<model>: one of type 'none' has nothing in it");
	return take_model(video, model, error) &&
	       check_resolution(domain, resolution ? resolution : model, error);
}

static bool is_render_node(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) &&
	       major(status.st_rdev) == DRM_MAJOR && minor(status.st_rdev) >= RENDER_MINOR_FIRST;
}

int domain_open_render_node(const struct domain *domain, struct domain_error *error)
{
	const struct domain_video *video = &domain->video;
	int fd = open(video->render_node, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		domain_complain(error, DOMAIN_BAD, video->node_line, "<acceleration>: %s: %s",
				video->render_node, strerror(errno));
		return -1;
	}
	if (is_render_node(fd) && fcntl(fd, F_SETFL, 0) == 0)
		return fd;
	domain_complain(error, DOMAIN_BAD, video->node_line,
			"<acceleration>: %s: not a GPU's render node", video->render_node);
	close(fd);
	return -1;
}
