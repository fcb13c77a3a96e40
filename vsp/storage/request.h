/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets that are not answered at once: SCSI commands, from a packet to the target and
 * back, and resets, which wait for the commands before them.
 *
 * packet: a private copy, `size` bytes of it from the guest, the rest zeros. An answer has
 * the size of its question.
 */
#ifndef VSP_STORAGE_REQUEST_H
#define VSP_STORAGE_REQUEST_H

#include <stdint.h>

struct link;
struct packet;
struct storage;
struct vstor_packet;

/* Answers with what is in packet. status: VSTOR_STATUS_*. */
void request_answer(struct link *link, uint32_t ticket, struct vstor_packet *packet, uint32_t size,
		    uint32_t status);

/* EXECUTE_SRB. */
void request_execute(struct link *link, const struct packet *from, struct vstor_packet *packet,
		     uint32_t size);

/* RESET_*: answered after all commands that came before; none of them is taken back. */
void request_reset(struct link *link, uint32_t ticket, const struct vstor_packet *packet,
		   uint32_t size);

/* The channel is closed: its resets are not answered. */
void request_forget_resets(struct storage *storage, const struct link *link);

#endif
