/* SPDX-License-Identifier: BSD-3-Clause */
#include "examples.h"

#include <stdio.h>
#include <string.h>

const struct example examples[] = {
	{ "How is everything", "show" },
	{ "A bridge with a kernel NIC and an interface of the host's",
	  "bridge add xenbr1\n"
	  "port add eth1 bridge xenbr1\n"
	  "port add xenbr1 bridge xenbr1 type tap" },
	{ "What a bridge is set to, and another ageing time", "bridge show xenbr1\n"
							      "bridge set xenbr1 ageing 10m" },
	{ "Take it all away again", "port del xenbr1\n"
				    "port del eth1\n"
				    "bridge del xenbr1" },
	{ "A NIC of the host's, whose addresses the host keeps; and back",
	  "bridge adopt xenbr0 eth0 --confirm 60\n"
	  "config confirm\n"
	  "bridge release xenbr0 eth0" },
	{ "A NIC that DPDK drives", "port add p0 bridge xenbr1 devargs 0000:03:00.0" },
	{ "A port of VLAN 100 alone", "port add eth2 bridge xenbr1 vid 100" },
	{ "A trunk of some VLANs", "port set eth1 trunk 10,20-30 native 5" },
	{ "VLAN 100 of a NIC, on a bridge of its own", "port add eth1.100 bridge xenbr2" },
	{ "Limit what a guest sends, and pull its cable", "port set vif3.0 rate 100Mb/s\n"
							  "port set vif3.0 carrier off" },
	{ "The ports of a bridge", "port show bridge xenbr1" },
	{ "What a guest has negotiated, and how its rings are", "vif show vif3.0\n"
								"vif show bridge xenbr1" },
	{ "A bond of two NICs: one carries all, the other takes over",
	  "bond add bond0 members eth2,eth3 bridge xenbr1\n"
	  "bond show bond0" },
	{ "The other NIC now; a third one; none", "bond set bond0 active eth3\n"
						  "bond set bond0 members eth2,eth3,eth4\n"
						  "bond del bond0" },
	{ "Links that the switch agrees to by LACP",
	  "bond add bond1 mode lacp members eth8,eth9 bridge xenbr1\n"
	  "bond set bond1 lacp-rate fast" },
	{ "Which MAC address is where", "fdb show xenbr1\n"
					"fdb show mac 00:16:3e:01:02:03" },
	{ "Pin an address to a port; forget it; forget all that was learnt",
	  "fdb add xenbr1 mac 00:16:3e:01:02:03 port eth1\n"
	  "fdb del xenbr1 mac 00:16:3e:01:02:03\n"
	  "fdb flush xenbr1" },
	{ "A spanning tree, and no bridge behind a port", "bridge set xenbr1 stp rstp\n"
							  "port set eth2 bpdu guard\n"
							  "stp show" },
	{ "Which multicast groups hosts have joined, and who asks them",
	  "bridge set xenbr1 querier yes\n"
	  "group show xenbr1 vid 10\n"
	  "querier show xenbr1" },
	{ "The router has an address on a bridge, and knows a way out",
	  "addr add 192.0.2.9/24 bridge xenbr1\n"
	  "route add default via 192.0.2.1\n"
	  "addr show bridge xenbr1" },
	{ "Routes: two gateways, none, and which one packets take",
	  "route add 10.8.0.0/16 via 192.0.2.1,192.0.2.2\n"
	  "route add 10.9.0.0/16 blackhole\n"
	  "route show match 10.8.1.1\n"
	  "route del 10.9.0.0/16" },
	{ "Take the routes of the host's kernel, such as FRR's", "route import kernel" },
	{ "Stations on routed links", "neigh show\n"
				      "neigh add 192.0.2.77 mac 00:16:3e:01:02:03\n"
				      "neigh flush" },
	{ "Guests' private addresses leave as the host's; a port is forwarded to one",
	  "nat add host masquerade xenbr1\n"
	  "nat add web out xenbr1 dnat tcp 8080 to 10.0.7.1:80\n"
	  "nat show" },
	{ "Who has NAT sessions with a network; end those of a guest",
	  "nat sessions remote 198.51.100.0/24\n"
	  "nat flush guest vif3.0" },
	{ "How full NAT's table is; keep quiet connections for a day",
	  "nat-table show\n"
	  "nat-table set tcp-established 1d" },
	{ "DHCP and DNS for the guests of a network", "network add 10.0.0.0/16 dhcp on lease 12h\n"
						      "network show" },
	{ "What is wrong, and what to do about it; shown again as things change", "health\n"
										  "-w health" },
	{ "A port's packets to another one, a VLAN's into a tunnel; flows of a bridge by IPFIX",
	  "mirror add ids port eth1 to tap7\n"
	  "mirror add far bridge xenbr1 vlan 10 vxlan 192.0.2.50 vni 7\n"
	  "mirror add flows bridge xenbr1 ipfix 192.0.2.60:4739\n"
	  "mirror show" },
	{ "Which packets were dropped, and why; all of one port as JSON", "stats show\n"
									  "-j stats show eth1" },
	{ "What is being dropped now, and what to do about it; of one port, again and again",
	  "drops\n"
	  "-w drops vif3.0" },
	{ "The last packets that were too large, or of another VLAN, and those of a port for "
	  "Wireshark",
	  "drops last mtu_exceeded\n"
	  "drops last vif3.0 vlan_mismatch -w dropped.pcapng" },
	{ "How busy the threads are that forward", "worker show" },
	{ "Metrics for Prometheus, at http://127.0.0.1:9477/metrics",
	  "metrics set listen 127.0.0.1:9477\n"
	  "metrics show" },
	{ "A live screen: all ports; those of guests, with most drops first; one for a program",
	  "top\n"
	  "top --sort drop/s type vif\n"
	  "top -j -n 1" },
	{ "What happens to a guest and on a bridge, as it happens", "monitor vif3.0 xenbr1" },
	{ "Packets of a guest; of a NIC's VLAN, to a file for Wireshark; what is dropped, and why",
	  "capture vif3.0 tcp port 80\n"
	  "capture eth0 -w eth0.pcapng vlan 10\n"
	  "capture any at drop" },
	{ "What would become of a packet, and why: of a guest's, of frames in a file",
	  "explain vif3.0 tcp 10.0.0.2:5000 to 192.0.2.1:80\n"
	  "explain eth0 frames.pcap -c 3" },
	{ "What becomes of a guest's next pings", "trace icmp and host 10.0.0.2 -c 4" },
	{ "Links and failovers of the last hours", "event show link failover" },
	{ "A bond, shown again as it changes", "-w bond show bond0" },
	{ "Change the configuration file, and what runs, without being locked out",
	  "config check\n"
	  "config diff\n"
	  "config apply --confirm 60\n"
	  "config confirm" },
	{ "Have the file say what was changed by hand", "config save" },
	{ "Who changed what, and back to before it", "config history\n"
						     "config rollback" },
	{ "Commands of a file, one a line without \"vsctl\": all of them or none",
	  "batch changes.txt --confirm 60" },
	{ "Which versions run here", "version" },
};
const size_t n_examples = sizeof(examples) / sizeof(examples[0]);

const struct example config_examples[] = {
	{ "A bridge with a NIC, on which the host has an interface, too", "[bridge xenbr0]\n"
									  "ageing = 300\n"
									  "[port eth1]\n"
									  "bridge = xenbr0\n"
									  "[port xenbr0]\n"
									  "bridge = xenbr0\n"
									  "type = tap" },
	{ "Two workers; a trunk of two NICs, bonded by LACP, and one of its VLANs for some guests",
	  "[vswitchd]\n"
	  "workers = 2\n"
	  "[bridge trunk]\n"
	  "stp = rstp\n"
	  "[bond bond0]\n"
	  "members = eth2,eth3\n"
	  "mode = lacp\n"
	  "bridge = trunk\n"
	  "[port bond0]\n"
	  "bridge = trunk\n"
	  "trunk = 10,20-30\n"
	  "[bridge guests100]\n"
	  "[port bond0.100]\n"
	  "bridge = guests100" },
	{ "Guests with private addresses behind the host's, and a web server that is one of them",
	  "[bridge xenbr0]\n"
	  "[port eth1]\n"
	  "bridge = xenbr0\n"
	  "[addr 192.0.2.9/24]\n"
	  "bridge = xenbr0\n"
	  "[route default]\n"
	  "via = 192.0.2.1\n"
	  "[network 10.0.0.0/16]\n"
	  "dhcp = on\n"
	  "[nat out]\n"
	  "masquerade = xenbr0\n"
	  "[nat web]\n"
	  "out = xenbr0\n"
	  "dnat = tcp 8080 -> 10.0.7.1:80" },
};
const size_t n_config_examples = sizeof(config_examples) / sizeof(config_examples[0]);

bool
example_line(const char **rest, char ret_line[EXAMPLE_LINE_SIZE])
{
	const size_t len = strcspn(*rest, "\n");

	if (**rest == '\0')
		return false;
	snprintf(ret_line, EXAMPLE_LINE_SIZE, "%.*s", (int)len, *rest);
	*rest += len + ((*rest)[len] == '\n');
	return true;
}

bool
example_is_about(const struct example *example, const char *object, const char *verb)
{
	char line[EXAMPLE_LINE_SIZE], *word, *save;
	const char *rest = example->commands;

	while (example_line(&rest, line)) {
		word = strtok_r(line, " ", &save);
		if (word != NULL && *word == '-')
			word = strtok_r(NULL, " ", &save);
		if (word == NULL || strcmp(word, object) != 0)
			continue;
		word = strtok_r(NULL, " ", &save);
		if (verb == NULL || (word != NULL && strcmp(word, verb) == 0))
			return true;
	}
	return false;
}
