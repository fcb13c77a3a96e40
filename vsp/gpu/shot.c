/* SPDX-License-Identifier: GPL-2.0-only */
/* See shot.h. The thread has the picture and the descriptor to itself until it has told by
 * the eventfd that it is through. */
#include "shot.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "png-file.h"

/* How long whoever reads may take for each piece. */
#define PATIENCE_S 10u

struct shot {
	struct image image;
	int fd, error;
	int told; /* eventfd */
	struct event *event;
	pthread_t thread;
	shot_done *done;
	void *context;
};

static void drop(struct shot *shot)
{
	if (shot->event)
		event_free(shot->event);
	if (shot->told >= 0)
		close(shot->told);
	close(shot->fd);
	image_free(&shot->image);
	free(shot);
}

static void *run(void *context)
{
	struct shot *shot = context;

	shot->error = png_save(&shot->image, shot->fd, PATIENCE_S) ? 0 : errno;
	eventfd_write(shot->told, 1);
	return NULL;
}

static void on_told(evutil_socket_t fd, short what, void *context)
{
	struct shot *shot = context;
	shot_done *done = shot->done;
	void *to = shot->context;
	int error;

	(void)fd, (void)what;
	pthread_join(shot->thread, NULL);
	error = shot->error;
	drop(shot);
	done(to, error);
}

struct shot *shot_start(struct event_base *base, const struct image *image, int fd, shot_done *done,
			void *context)
{
	struct shot *shot = calloc(1, sizeof(*shot));
	int error = ENOMEM;

	if (!shot) {
		free(image->pixels);
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	*shot = (struct shot){ .image = *image, .fd = fd, .done = done, .context = context };
	shot->told = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	shot->event = event_new(base, shot->told, EV_READ, on_told, shot);
	if (shot->told >= 0 && shot->event && event_add(shot->event, NULL) == 0)
		error = pthread_create(&shot->thread, NULL, run, shot);
	if (!error)
		return shot;
	drop(shot);
	errno = error;
	return NULL;
}

void shot_cancel(struct shot *shot)
{
	pthread_join(shot->thread, NULL);
	drop(shot);
}
