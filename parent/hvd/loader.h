/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mullion's loader: a Linux that starts what a guest's first disk holds. A definition
 * without a kernel gets it. The parent's image has the files (parent/image).
 */
#ifndef HVD_LOADER_H
#define HVD_LOADER_H

#define LOADER_DIRECTORY "/usr/lib/mullion/loader"
#define LOADER_KERNEL LOADER_DIRECTORY "/vmlinuz"
#define LOADER_INITRD LOADER_DIRECTORY "/initrd.img"
#define LOADER_CMDLINE "console=ttyS0 quiet"

#endif
