/* SPDX-License-Identifier: BSD-3-Clause */
#include "event_kind.h"

#include <errno.h>
#include <string.h>

const struct event_kind_info event_kinds[EVENT_KINDS] = {
	[EVENT_LINK] = {
		.name = "link", .help = "a port can be used now, or not any more",
		.burst = 8, .budget = 4096,
		.fields = {
			{ "state", "string", "up or down", false },
			{ "reason", "string?", "why it is down, or what is odd", false },
			{ "bridge", "string?", "that the port is on", true },
		},
	},
	[EVENT_ATTACH] = {
		.name = "attach", .help = "a port is on a bridge from now on, or is routed",
		.burst = 8, .budget = 4096,
		.fields = {
			{ "bridge", "string?", "that it is on", true },
			{ "mode", "string", "bridge, route or nat", false },
		},
	},
	[EVENT_DETACH] = {
		.name = "detach", .help = "a port is not on a bridge any more, or not routed",
		.burst = 8, .budget = 4096,
		.fields = {
			{ "bridge", "string?", "that it was on", true },
			{ "mode", "string", "bridge, route or nat", false },
		},
	},
	[EVENT_CONNECT] = {
		.name = "connect", .help = "a guest has set up its end of its interface",
		.burst = 8, .budget = 4096,
		.fields = {
			{ "queues", "integer", "number of queues", false },
		},
	},
	[EVENT_DISCONNECT] = {
		.name = "disconnect", .help = "a guest has left its interface, or was shut down",
		.burst = 8, .budget = 4096,
	},
	[EVENT_MOVE] = {
		.name = "move", .help = "a station is behind another port than before",
		.burst = 4, .budget = 100,
		.fields = {
			{ "mac", "string", "the station's address", true },
			{ "vid", "integer", "its VLAN; 0: none", false },
			{ "from", "string", "port that it was behind", true },
			{ "to", "string", "port that it is behind; also the event's object", true },
			{ "bridge", "string", "of both", true },
		},
	},
	[EVENT_FAILOVER] = {
		.name = "failover", .help = "other members of a bond carry its packets",
		.burst = 8, .budget = 512,
		.fields = {
			{ "reason", "string", "what has happened", false },
			{ "carried_by", "array of strings", "the members that carry now", true },
			{ "failovers", "integer", "members that have failed so far", false },
		},
	},
	[EVENT_STP] = {
		.name = "stp", .help = "the spanning tree opens a port, or blocks it",
		.burst = 8, .budget = 512,
		.fields = {
			{ "state", "string", "forwarding or blocked", false },
			{ "bridge", "string?", "that the port is on", true },
		},
	},
	[EVENT_TOPOLOGY] = {
		.name = "topology", .help = "the topology of a spanning tree has changed",
		.burst = 8, .budget = 512,
		.fields = {
			{ "ports", "integer", "how many ports' stations were forgotten for it", false },
		},
	},
	[EVENT_LOOP] = {
		.name = "loop", .help = "a loop was found, and a port blocked; or it is gone",
		.burst = 8, .budget = 512,
		.fields = {
			{ "state", "string", "blocked, free, or seen (found, but not blocked)", false },
			{ "reason", "string", "what is known of it", false },
			{ "peer", "string?", "port at the loop's other end", true },
			{ "bridge", "string?", "that the port is on", true },
		},
	},
	[EVENT_CONFIG] = {
		.name = "config", .help = "somebody has changed something",
		.burst = 1024, .budget = 1024,
		.fields = {
			{ "what", "string", "the command", false },
			{ "who", "string", "who did it, in words", false },
			{ "uid", "integer?", "user id of who did it", false },
			{ "pid", "integer?", "process id of who did it", false },
			{ "changes", "integer?", "number of changes, of a transaction", false },
			{ "error", "string?", "why it has failed and was taken back", false },
		},
	},
	[EVENT_DAEMON] = {
		.name = "daemon", .help = "vswitchd starts, stops, is gone or is back",
		.burst = 8, .budget = 64,
		.fields = {
			{ "state", "string", "started or stopping; gone or back, as vsctl sees it", false },
			{ "version", "string?", "of vswitchd, when it starts", false },
		},
	},
	[EVENT_LOST] = {
		.name = "lost", .help = "how many events there is no line for; cannot be left out",
		.burst = 64, .budget = 64,
		.fields = {
			{ "count", "integer", "number of events", false },
			{ "of", "string?", "their kind, if they were too many for all; null: vsctl was "
					   "too slow to read them", false },
		},
	},
};

int
event_kind_find(const char *name)
{
	for (int kind = 0; kind < EVENT_KINDS; kind++)
		if (strcmp(event_kinds[kind].name, name) == 0)
			return kind;
	return -ENOENT;
}
