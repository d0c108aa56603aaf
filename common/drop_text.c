/* SPDX-License-Identifier: BSD-3-Clause */
/* What to make of each drop reason; vsctl, the man page and docs/troubleshooting.md show it. */
#include <assert.h>

#include "drop.h"

const struct drop_text drop_texts[] = {
	[DROP_NO_BRIDGE] = {
		.what =
			"The packet came in by a port that is on no bridge and not routed, or in a VLAN "
			"of a NIC that no port takes.",
		.cause =
			"The port was added without a bridge, or the far end sends a VLAN that nothing "
			"here is for.",
		.show = "port show PORT",
		.mend =
			"Put the port on a bridge: 'vsctl port set PORT bridge BRIDGE'; for a VLAN of a "
			"NIC: 'vsctl port add PORT.100 bridge BRIDGE'.",
	},
	[DROP_BAD_FRAME] = {
		.what = "The frame is shorter than its headers say, or they contradict each other.",
		.cause =
			"A guest's or station's faulty driver or offload, a broken cable, or an attack.",
		.show = "drops last bad_frame PORT",
		.mend =
			"Update or replace what sends it; of a guest, 'vsctl port set PORT carrier off' "
			"silences it meanwhile.",
	},
	[DROP_BAD_SOURCE] = {
		.what =
			"The source MAC is a multicast address or all zero, which no station may have.",
		.cause = "A station's wrong configuration or driver, or an attack.",
		.show = "drops last bad_source PORT",
		.mend = "Find the station by what it sends, and give it a MAC of its own.",
	},
	[DROP_RESERVED_MAC] = {
		.what =
			"The frame is to 01:80:c2:00:00:00 - 0f (STP, LACP, LLDP), which bridges never "
			"pass on.",
		.cause = "A switch at the far end speaks to its neighbour: usual, and harmless.",
		.show = "drops last reserved_mac PORT",
		.mend =
			"Nothing, unless the far end waits for an answer: 'vsctl bridge set BRIDGE stp "
			"rstp' has STP answered, a bond of mode lacp LACP.",
	},
	[DROP_VLAN_MISMATCH] = {
		.what =
			"The frame's VLAN is none of the port that it came by, or of the one that it "
			"was to leave by.",
		.cause =
			"The guest or the far switch tags with another VLAN, or does (not) tag at all, "
			"than the port is set to.",
		.show = "port show PORT",
		.mend =
			"Correct who sends; or, if its VLAN is right, the port: 'vsctl port set PORT vid "
			"VID', of a trunk its list, as 'vsctl port set PORT trunk 10,20-30'; untagged "
			"frames of a trunk need 'vsctl port set PORT native 10'.",
	},
	[DROP_ISOLATED] = {
		.what = "Both ports are isolated, and private ports do not reach each other.",
		.cause = "Meant so: isolated is set on both; or it was set on the uplink, too.",
		.show = "port show PORT",
		.mend =
			"If they are to talk: 'vsctl port set PORT isolated no' on one of them; uplinks "
			"are never isolated.",
	},
	[DROP_SAME_PORT] = {
		.what =
			"The destination is behind the port that the frame came by, so it has it "
			"already.",
		.cause =
			"A hub or a flooding switch at the far end: usual; in masses, two guests or "
			"bonds with one MAC, or a loop.",
		.show = "fdb show port PORT",
		.mend =
			"Nothing, if it is little; stations behind the port that reach each other by "
			"this switch alone need 'vsctl port set PORT hairpin yes'.",
	},
	[DROP_NO_DESTINATION] = {
		.what =
			"It is for everybody, or for nobody known, and no other port of its VLAN is "
			"there to take it.",
		.cause =
			"The port is alone in its VLAN, since it is set to a wrong one, or on its "
			"bridge; or the others' link is down: usual while a host starts; or it is "
			"isolated, as they are.",
		.show = "port show",
		.mend =
			"Correct the VLAN: 'vsctl port set PORT vid 10', or put the port that is missing "
			"into this one: 'vsctl port set OTHER vid VID'; of ports that are isolated, "
			"'vsctl port set OTHER isolated no' for the uplink; if the destination has gone, "
			"nothing.",
	},
	[DROP_RX_ERROR] = {
		.what = "The device lost the packet, or could not deliver all of it.",
		.cause =
			"More packets came than were fetched in time (a busy worker, small rings), or a "
			"guest's memory could not be read.",
		.show = "worker show",
		.mend =
			"If a worker's busy share is near 100 %: more workers (workers in "
			"vswitch.conf); else look at the NIC: its cable, and, if it is no "
			"DPDK device, ethtool -S.",
	},
	[DROP_BAD_REQUEST] = {
		.what =
			"The guest's request on its ring breaks the protocol of network interfaces of "
			"Xen.",
		.cause = "A faulty or hostile driver in the guest.",
		.show = "vif show PORT",
		.mend =
			"Update the guest's driver; 'vsctl port set PORT carrier off' silences the "
			"guest meanwhile.",
	},
	[DROP_BOND_INACTIVE] = {
		.what = "It came by a member of a bond that does not receive it.",
		.cause =
			"Broadcasts that the far switch floods to all members of an active-backup bond: "
			"usual; else the far end has no bond.",
		.show = "bond show",
		.mend =
			"Nothing, if the bond works; else have both ends agree: 'vsctl bond set bond0 "
			"mode lacp', and the same at the switch.",
	},
	[DROP_BOND_ECHO] = {
		.what =
			"This switch sent it by one member of a bond, and it came back by another one.",
		.cause =
			"The far switch floods between the members, as it does not know of the bond "
			"(modes slb and active-backup): usual.",
		.show = "bond show",
		.mend =
			"Nothing; the frame has no use here. It ends with a bond at both ends: 'vsctl "
			"bond set bond0 mode lacp'.",
	},
	[DROP_PUNT] = {
		.what =
			"It was for vswitchd itself (ARP, DHCP, STP, IGMP, routing), of which this port "
			"sends too much.",
		.cause = "A storm or a scan behind the port, or a loop.",
		.show = "drops last punt_limit PORT",
		.mend =
			"Find who sends so much; against loops: 'vsctl bridge set BRIDGE loop-detect "
			"yes'; a guest: 'vsctl port set PORT rate 10Mb/s'.",
	},
	[DROP_NOT_ROUTED] = {
		.what =
			"It is to the router's MAC, but nothing that routers pass on: not IP, or "
			"addresses that stay on their link.",
		.cause = "Other protocols, or link-local addresses: usual in small numbers.",
		.show = "drops last not_routed PORT",
		.mend =
			"Nothing; a guest that is not to be routed needs 'vsctl port set GUEST mode "
			"bridge bridge BRIDGE'.",
	},
	[DROP_SPOOFED] = {
		.what = "The source address is none of those that the guest may use.",
		.cause =
			"The guest has another address than its port is told, or another one behind it; "
			"or it forges addresses.",
		.show = "drops last spoofed_source PORT",
		.mend =
			"If the guest may have it: 'vsctl port set PORT ip 10.0.0.2,10.0.0.3'; else "
			"leave it so.",
	},
	[DROP_NO_ROUTE] = {
		.what = "The router knows no way to the destination, or one that says no.",
		.cause =
			"The default route is missing or was withdrawn, or the destination is wrong.",
		.show = "route show",
		.mend =
			"Ask which one it takes by 'vsctl route show match 192.0.2.1', and add one: "
			"'vsctl route add default via 192.0.2.1'.",
	},
	[DROP_NEIGHBOUR] = {
		.what = "The next station on the way does not answer ARP or neighbour discovery.",
		.cause =
			"The gateway or guest is down, has another address, or is in another VLAN; or "
			"somebody scans addresses.",
		.show = "neigh show",
		.mend =
			"Ping it from the host; one that never answers can be told: 'vsctl neigh add "
			"192.0.2.1 mac 00:16:3e:01:02:03'.",
	},
	[DROP_TTL] = {
		.what = "Its time to live is used up.",
		.cause = "A traceroute: usual; in masses, a loop of routers.",
		.show = "drops last ttl_exceeded PORT",
		.mend =
			"Look for two routers that send the destination to each other: 'vsctl route "
			"show match 192.0.2.1' is this one's view.",
	},
	[DROP_BAD_CHECKSUM] = {
		.what = "The checksum of the IPv4 header is wrong.",
		.cause = "The packet was damaged on its way, or its sender's offload is at fault.",
		.show = "drops last bad_checksum PORT",
		.mend =
			"If all come from one station: switch its checksum offload off; else look for "
			"the faulty cable or NIC.",
	},
	[DROP_NAT_SESSIONS] = {
		.what = "The guest has as many NAT sessions as it may have, and wants one more.",
		.cause = "A busy server or proxy, a scan, or a guest that was broken into.",
		.show = "nat sessions guest PORT",
		.mend =
			"Let it have more: 'vsctl port set PORT nat-sessions 65536'; or end what it "
			"has: 'vsctl nat flush guest PORT'.",
	},
	[DROP_NAT_RATE] = {
		.what = "The guest makes new NAT sessions faster than it may.",
		.cause = "A scan, a flood, or a very busy resolver.",
		.show = "nat sessions guest PORT",
		.mend = "If it is right: 'vsctl port set PORT nat-rate 10000'.",
	},
	[DROP_NAT_FULL] = {
		.what = "The table of NAT sessions is full.",
		.cause =
			"A flood of new sessions of many guests, or a table that is too small for them.",
		.show = "nat-table show",
		.mend =
			"End those of the guest that has most: 'vsctl nat flush guest OTHER', and limit "
			"it: 'vsctl port set OTHER nat-sessions 10000'; have quiet ones end sooner: "
			"'vsctl nat-table set tcp-established 1h'. A larger table: sessions-max of "
			"[nat-table] in vswitch.conf, and a restart.",
	},
	[DROP_NAT_PORTS] = {
		.what = "No external port is left for this destination.",
		.cause = "Too many sessions to one server by one external address.",
		.show = "nat sessions",
		.mend =
			"Give a rule of kind snat more addresses, 'vsctl nat set RULE snat "
			"192.0.2.10-192.0.2.20' (a masquerade has one: let such a rule take its place), "
			"or 'vsctl nat-table set mapping address-port-dependent'.",
	},
	[DROP_NAT_NO_SESSION] = {
		.what = "It is to an address of NAT's, and neither a session nor a rule is for it.",
		.cause =
			"Scans from outside: usual; answers after a session has ended; or a forwarding "
			"that is missing.",
		.show = "nat show",
		.mend =
			"If it was to be forwarded: 'vsctl nat add RULE out xenbr0 dnat tcp 8080 to "
			"10.0.0.2:80'.",
	},
	[DROP_NAT_FRAGMENT] = {
		.what = "A fragment of a packet whose first fragment has not been seen.",
		.cause = "Fragments that came in the wrong order or late, or an attack.",
		.show = "drops last nat_fragment PORT",
		.mend = "Make the senders' MTU fit the path, so that nothing is fragmented.",
	},
	[DROP_NAT_BAD] = {
		.what =
			"Its transport header, or the packet that an ICMP error quotes, is cut short: "
			"it cannot be translated.",
		.cause = "A broken sender, or an attack.",
		.show = "drops last nat_bad PORT",
		.mend = "Nothing here; find who sends it.",
	},
	[DROP_MTU_EXCEEDED] = {
		.what = "The packet is larger than the MTU of the port that it was to leave by.",
		.cause =
			"The sender's MTU is larger than this port's: a black hole, since on a bridge "
			"nobody tells the sender.",
		.show = "port show PORT",
		.mend =
			"Make both the same: 'vsctl port set PORT mtu 9000' (and the switch behind it), "
			"or a smaller MTU in the sender.",
	},
	[DROP_PORT_DOWN] = {
		.what = "The port that it was to leave by, or came by, is down.",
		.cause =
			"No carrier, a guest that is not connected or shutting down, or 'carrier off'.",
		.show = "port show PORT",
		.mend =
			"Mend the link or start the guest; if it was switched off here: 'vsctl port set "
			"PORT carrier on'.",
	},
	[DROP_BLOCKED] = {
		.what =
			"The spanning tree, or a loop that was found, keeps the port from forwarding.",
		.cause = "A redundant link: usual; a port that has just come up; or a loop.",
		.show = "stp show",
		.mend =
			"Nothing, if the link is the spare one; of a loop take one of its cables away; "
			"'vsctl event show loop' tells of loops.",
	},
	[DROP_TX_FULL] = {
		.what = "The port's transmit queue, or the guest's receive ring, was full.",
		.cause =
			"A guest that is stalled, paused or too slow, or a NIC that is slower than what "
			"is sent to it.",
		.show = "port show PORT",
		.mend =
			"Look at the guest: is it running, does it have a free vCPU? More queues for it "
			"in xl.cfg, or limit a guest that sends: 'vsctl port set OTHER rate 1Gb/s'.",
	},
	[DROP_NO_BUFFER] = {
		.what = "The pool of packet buffers was empty.",
		.cause =
			"A stalled guest or NIC holds many, or the pool is too small for the ports.",
		.show = "worker show",
		.mend =
			"Give vswitchd more: mbufs in section [vswitchd] of vswitch.conf, and restart "
			"it.",
	},
	[DROP_OFFLOAD] = {
		.what =
			"The packet's checksum or segments, left to be made, could not be made for this "
			"port.",
		.cause =
			"Headers that make no sense or are too long for it: a guest's faulty driver.",
		.show = "drops last offload PORT",
		.mend =
			"Switch offloads off in the sender (ethtool -K eth0 tx off tso off), and update "
			"its driver.",
	},
	[DROP_MULTICAST] = {
		.what =
			"It is multicast to a group that the guest has not asked its interface for.",
		.cause = "Usual: the guest does not want it.",
		.show = "group show",
		.mend =
			"Nothing; if the guest does want it, it has to join the group, or to be "
			"promiscuous.",
	},
	[DROP_TX_ERROR] = {
		.what = "The port took it, and could not deliver it.",
		.cause =
			"A guest's buffer that could not be written to, as a guest does that goes away.",
		.show = "vif show PORT",
		.mend = "If the guest stays: update its driver; otherwise nothing.",
	},
};
static_assert(sizeof(drop_texts) / sizeof(drop_texts[0]) == DROP_REASONS,
	      "explain every drop reason");
