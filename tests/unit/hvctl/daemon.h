/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A daemon for tests that answers what the test tells it to, right or wrong. It
 * speaks varlink by hand, so that it can also break it: messages are JSON with a
 * NUL behind it.
 */
#ifndef DAEMON_H
#define DAEMON_H

/*
 * What is answered to a method (named without its interface); each answer is
 * given once, in the order of the table, which ends with a NULL method.
 *
 * An answer is lines, each of them a message:
 *   {...}         the reply's parameters
 *   +{...}        the same, and more are to come
 *   NAME {...}    an error org.mullion.NAME; one with a dot in it as it is
 *   #TEXT         TEXT as it is, whatever it is
 *   @{...}        the parameters, with the descriptor of daemon_start() beside them
 *   %MILLISECONDS waits so long
 *   !             ends the connection
 * Nothing: it is never answered. What stands in events goes, after that, to the
 * connection that has subscribed.
 */
struct answer {
	const char *method;
	const char *text;
	const char *events;
};

/*
 * Starts it; fd is what it passes on, or -1, and stays the test's. It listens at
 * daemon_socket() until daemon_stop(), which returns what it was asked: lines
 * "METHOD{...}", the parameters as they came, "METHOD!" for one that had no
 * answer left. They are valid until the next start.
 */
void daemon_start(const struct answer *answers, int fd);
const char *daemon_stop(void);
const char *daemon_socket(void);

#endif
