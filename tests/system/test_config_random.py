# SPDX-License-Identifier: BSD-3-Clause
"""From any configuration to any other: what is said is what is."""

import random

from harness.configuration import differences, objects, switch_state, write
from harness.daemon import VsctlError

N_RANDOM = 200
N_CABLES = 6


def random_config(rng):
    """A configuration that is legal, of a host with the NICs p1..p6."""
    sections = {"vswitchd": {"hugepages": "no"}}
    bridges = ["br%d" % n for n in range(rng.randint(1, 3))]
    for bridge in bridges:
        keys = {"loop-detect": "no"}
        for key, values in (("ageing", (17, 300)), ("fdb-limit", (100, 2000)), ("stp", ("rstp",)),
                            ("announce", ("no",)), ("snooping", ("no",)), ("querier", ("yes",)),
                            ("stp-priority", (4096,)), ("query-interval", (60, 125))):
            if rng.random() < 0.3:
                keys[key] = rng.choice(values)
        sections["bridge " + bridge] = keys
    nics = ["p%d" % n for n in range(1, N_CABLES + 1)]
    rng.shuffle(nics)
    free = []  # ports on no bridge
    for number in range(rng.randint(0, 2)):
        members = [nics.pop() for _ in range(rng.randint(1, 2))]
        name = "bond%d" % number
        keys = {"members": ",".join(members), "mode": rng.choice(("active-backup", "balance-xor"))}
        if rng.random() < 0.5:
            keys["bridge"] = rng.choice(bridges + ["none"])
            if keys["bridge"] == "none":
                free.append(name)
        else:
            sections["port " + name] = random_port(rng, bridges, free, name)
        if rng.random() < 0.5:
            keys["updelay"] = rng.choice((0, 100))
        if rng.random() < 0.3:  # a member that is a port of its own
            sections["port " + members[0]] = {"bridge": "none"}
        sections["bond " + name] = keys
    for name in nics[:rng.randint(0, len(nics))] + ["t0", "t1"][:rng.randint(0, 2)]:
        sections["port " + name] = random_port(rng, bridges, free, name)
        if name.startswith("t"):
            sections["port " + name]["type"] = "tap"
        if rng.random() < 0.2:
            sections["port " + name]["queues"] = 2
        if rng.random() < 0.3 and not name.startswith("t"):
            keys = sections["port " + name]
            for key in ("trunk", "native", "vid"):
                keys.pop(key, None)
            sections["port %s.%d" % (name, rng.choice((5, 6)))] = {"bridge": rng.choice(bridges)}
    for name in [name for name in sections if name.startswith("port ")]:
        keys = sections[name]
        if rng.random() < 0.2 and keys["bridge"] != "none" and "trunk" not in keys:
            vid = " %d" % keys["vid"] if "vid" in keys and rng.random() < 0.5 else ""
            sections["fdb %s 02:00:00:00:00:%02x%s" % (keys["bridge"], rng.randint(0x10, 0x99),
                                                       vid)] = {"port": name.split()[1]}
    random_router(rng, sections, bridges, free)
    random_mirrors(rng, sections, bridges, free)
    order = list(sections)
    rng.shuffle(order)
    return "".join("[%s]\n%s\n" % (name, "".join("%s = %s\n" % row for row in
                                                 sections[name].items())) for name in order)


def random_port(rng, bridges, free, name):
    """Keys of a port; one that is on no bridge is added to free."""
    keys = {"bridge": rng.choice(bridges + ["none"])}
    if keys["bridge"] == "none":
        free.append(name)
    for key, values in (("isolated", ("yes",)), ("flood-unknown", ("no",)), ("stp-cost", (7, 8)),
                        ("bpdu", ("guard",)), ("fast-leave", ("yes",)), ("mtu", (1400, 1500)),
                        ("checksum", ("full",)), ("carrier", ("off",)), ("mrouter", ("no",))):
        if rng.random() < 0.15:
            keys[key] = rng.choice(values)
    way = rng.random()
    if way < 0.2:
        keys["vid"] = rng.choice((5, 6))
    elif way < 0.4:
        keys["trunk"] = rng.choice(("all", "5,7-9"))
        if rng.random() < 0.5:
            keys["native"] = 1
    return keys


def random_router(rng, sections, bridges, free):
    """Addresses, and routes and neighbours by them."""
    nets = list(range(4))
    rng.shuffle(nets)
    for net in nets[:rng.randint(0, 3)]:
        if free and rng.random() < 0.4:
            place = {"port": rng.choice(free)}
        else:
            place = {"bridge": rng.choice(bridges)}
            if rng.random() < 0.4:
                place["vid"] = 5
        sections["addr 10.%d.0.1/24" % net] = place
        if rng.random() < 0.6:
            sections["neigh 10.%d.0.2" % net] = {"mac": "02:00:00:00:00:%02x" % rng.randint(1, 3)}
        if rng.random() < 0.6:
            sections["route 10.%d.0.0/16" % (10 + rng.randint(0, 2))] = {"via": "10.%d.0.2" % net}
        if rng.random() < 0.4:
            sections["network 10.%d.0.0/24" % net] = {"lease": rng.choice(("12h", "600")),
                                                      "domain": "guests.example"}
        if rng.random() < 0.4:
            sections["nat out%d" % net] = {"masquerade": next(iter(place.values()))}
            for number in range(rng.randint(0, 2)):
                sections["nat in%d-%d" % (net, number)] = {
                    "out": next(iter(place.values())),
                    "dnat": "tcp %d -> 10.9.0.%d:80" % (8000 + number, rng.randint(2, 4))}
    if rng.random() < 0.3:
        sections["nat-table"] = {"udp": rng.choice((60, 300)), "sessions-max": 4096}
    if rng.random() < 0.3:
        sections["route 10.20.0.0/16"] = {"blackhole": "yes"}


def random_mirrors(rng, sections, bridges, free):
    """Of bridges and ports, into tunnels and to ports that have no other use."""
    routed = {keys.get("port") for name, keys in sections.items() if name.startswith("addr ")}
    parents = {name.split()[1].split(".")[0] for name in sections if name.startswith("port ")
               and "." in name}
    ends = [name for name in free if name not in routed | parents]
    sources = [name.split()[1] for name in sections if name.startswith("port ")]
    for number in range(rng.randint(0, 2)):
        keys = {"bridge": rng.choice(bridges)}
        if sources and rng.random() < 0.5:
            keys = {"port": rng.choice(sources)}
            ends = [name for name in ends if name != keys["port"]]
        if ends:
            keys["to"] = ends[0]
            sources = [name for name in sources if name != ends[0]]
        else:
            keys.update(vxlan="192.0.2.7", vni=rng.randint(1, 3))
        if rng.random() < 0.4:
            keys["vlan"] = rng.choice((5, 6))
        if rng.random() < 0.4:
            keys["snaplen"] = rng.choice((100, 200))
        sections["mirror m%d" % number] = keys


def test_random_configurations(idle_bed):
    """A, then B, then A: it is as it was after the first A, each time, and saved as it is."""
    daemon = idle_bed.daemon
    rng = random.Random(6)
    for number in range(1, N_CABLES + 1):
        idle_bed.cable(number)
    idle_bed.start("[vswitchd]\nhugepages = no\n")
    texts = [random_config(rng) for _ in range(N_RANDOM + 1)]
    for number in range(N_RANDOM):
        first, second = (write(daemon, texts[number + n], "%d.conf" % n) for n in (0, 1))
        seen = []
        for path in (first, second, first):
            try:
                daemon.vsctl("config", "apply", path)
            except VsctlError as error:
                raise AssertionError("number %d: %s\n%s\nfrom:\n%s" % (
                    number, error, path.read_text(),
                    daemon.vsctl_raw("config", "show").stdout)) from None
            assert daemon.vsctl("config", "apply", path)["done"] == 0
            seen.append((objects(daemon), switch_state(daemon)))
        assert not differences(seen[0], seen[2]), "number %d: %s\n%s\n%s" % (
            number, "\n".join(differences(seen[0], seen[2])), texts[number], texts[number + 1])
        assert daemon.vsctl_raw("config", "save", second).returncode == 0
        assert daemon.vsctl("config", "diff", second)["changes"] == []


def test_random_equals_fresh_start(idle_bed):
    """What apply leads to is what a start with the file leads to."""
    daemon = idle_bed.daemon
    rng = random.Random(7)
    for number in range(1, N_CABLES + 1):
        idle_bed.cable(number)
    idle_bed.start("[vswitchd]\nhugepages = no\n")
    for _ in range(8):
        for _ in range(3):
            daemon.config.write_text(random_config(rng))
            daemon.vsctl("config", "apply")
        before = objects(daemon), switch_state(daemon)
        assert daemon.stop() == 0
        daemon.start()
        faults = differences(before, (objects(daemon), switch_state(daemon)))
        assert not faults, "%s\n%s" % ("\n".join(faults), daemon.config.read_text())
