/* SPDX-License-Identifier: GPL-2.0-only */
/* The process that starts those which draw Vulkan: virgl_render_server. */
#ifndef VSP_GPU_VULKAN_SERVER_H
#define VSP_GPU_VULKAN_SERVER_H

#include <stdbool.h>

/*
 * Starts it, and from then on this process opens no file for writing, devices included: see
 * the .c file. That binds the caller's thread and those that come after. The socket that it
 * serves, the caller's; -1 with errno set.
 */
int vulkan_server_start(void);

/* It has ended. */
bool vulkan_server_is_gone(void);

#endif
