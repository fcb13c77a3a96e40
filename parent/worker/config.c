/* SPDX-License-Identifier: GPL-2.0-only */
/* What a guest is made of: see config.h. */
#include "config.h"

#include <linux/types.h> /* before the ABI headers, which else make these types */

#include <errno.h>
#include <mullion/uapi.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader.h"

static bool check_loader(const char *name, struct error *error)
{
	if (!name || strcmp(name, "auto") == 0)
		return true;
	for (size_t i = 0; loaders[i]; i++)
		if (strcmp(name, loaders[i]->name) == 0)
			return true;
	return error_set(error, ERROR_CONFIG, "unknown loader '%s' (auto, bzimage, pvh, multiboot)",
			 name);
}

static bool fill(char **text, const char *fallback, struct error *error)
{
	if (!*text)
		*text = strdup(fallback);
	return *text || error_errno(error, ENOMEM, "configuration");
}

bool config_check(struct config *config, struct error *error)
{
	if (!fill(&config->name, "guest", error) || !fill(&config->cmdline, "", error) ||
	    !fill(&config->kernel_name, "the kernel", error) ||
	    !fill(&config->initrd_name, "the initrd", error))
		return false;
	if (!config->name[0] || strlen(config->name) >= MULLION_NAME_MAX)
		return error_set(error, ERROR_CONFIG, "the name has not 1 to %u bytes",
				 MULLION_NAME_MAX - 1);
	if (config->vcpus < 1 || config->vcpus > CONFIG_VCPUS_MAX)
		return error_set(error, ERROR_CONFIG, "%u virtual processors: not 1 to %u",
				 config->vcpus, CONFIG_VCPUS_MAX);
	if (!config->memory || config->memory % RAM_UNIT)
		return error_set(error, ERROR_CONFIG,
				 "%llu bytes of memory: not a multiple of 2 MiB",
				 (unsigned long long)config->memory);
	if (config->vram && (config->vram < MULLION_VRAM_MIN || config->vram > MULLION_VRAM_MAX ||
			     config->vram % MULLION_VRAM_UNIT))
		return error_set(error, ERROR_CONFIG,
				 "%llu bytes of video memory: not %u to %u MiB, in steps of %u",
				 (unsigned long long)config->vram, MULLION_VRAM_MIN >> 20,
				 MULLION_VRAM_MAX >> 20, MULLION_VRAM_UNIT >> 20);
	if (config->kernel < 0)
		return error_set(error, ERROR_CONFIG, "there is no kernel");
	return check_loader(config->loader, error);
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void config_clear(struct config *config)
{
	free(config->name);
	free(config->loader);
	free(config->cmdline);
	free(config->kernel_name);
	free(config->initrd_name);
	close_one(&config->kernel);
	close_one(&config->initrd);
	close_one(&config->mshv);
	*config = CONFIG_EMPTY;
}
