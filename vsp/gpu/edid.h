/* SPDX-License-Identifier: GPL-2.0-only */
/* What a display tells of itself. Pure. */
#ifndef VSP_GPU_EDID_H
#define VSP_GPU_EDID_H

#include <stdint.h>

#define EDID_BYTES 128u

/* An EDID 1.4 whose preferred mode is width by height (at most 4095 each) at 60 Hz, of the
 * display of that number. Returns its size. */
uint32_t edid_make(uint8_t *edid, uint32_t number, uint32_t width, uint32_t height);

#endif
