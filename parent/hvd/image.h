/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Images in a format of their own (qcow2), shown as raw files: QEMU's storage daemon
 * exports each by FUSE, in a unit of its own, mullion-image@NAME:TARGET. Its monitor's
 * socket comes after the export; while hvd is connected to it, the image is there.
 */
#ifndef HVD_IMAGE_H
#define HVD_IMAGE_H

#include "partition.h"

struct images;

/* lost is called when an image that was there is gone; target: of its disk. */
struct images *images_new(struct partition *partition,
			  void (*lost)(struct partition *partition, const char *target));

/* The processes stay. */
void images_free(struct images *images);

/*
 * Has every image of the live definition shown that needs it. done comes later, never
 * from within, with NULL or why it came to nothing.
 *
 * With anew those that the live definition does not have end before: nobody has any open.
 */
void images_start(struct images *images, bool anew,
		  void (*done)(struct partition *partition, const struct failure *failure));

/* Ends all; done of a start does not come. What was written is on its way to the medium. */
void images_end(struct images *images);

/* Whether one is there, or is coming or going, for a disk of that target. */
bool images_has(const struct images *images, const char *target);

/* Nothing has the raw file of that one open any more: it ends once the live definition
 * has no such disk. */
void images_release(struct images *images, const char *target);

/* Ends those that were released and that the live definition has no more. */
void images_trim(struct images *images);

/* Finds what an hvd before this one has started. */
void images_adopt(struct images *images);

/* The path of the raw file that shows a disk's image. */
void images_path(const struct partition *partition, const struct domain_disk *disk, char *path,
		 size_t size);

#endif
