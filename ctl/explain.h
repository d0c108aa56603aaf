/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * "vsctl explain" and "vsctl trace": what the switch does with a packet, step by step.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_EXPLAIN_H
#define CTL_EXPLAIN_H

struct client;
struct error;
struct request;

/**
 * explain_run() - "explain": of packets that are made up, or read from a file. Nothing is sent.
 * Return: 0, or -errno with @err filled; -ENOEXEC: wrong usage.
 */
int explain_run(struct client *client, const struct request *request, struct error *err);

/** trace_run() - "trace": of packets that come in, until it is told to end. Return: as above. */
int trace_run(struct client *client, const struct request *request, struct error *err);

#endif
