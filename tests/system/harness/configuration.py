# SPDX-License-Identifier: BSD-3-Clause
"""What is configured, what the switch is like, and in what two of these differ."""

import re


def objects(daemon):
    """What is configured, in no order: {(kind, name): keys}."""
    return {(row["kind"], row.get("name")): row["keys"]
            for row in daemon.vsctl("config", "show")["objects"]}


def switch_state(daemon):
    """What the switch is like, whatever its configuration says."""
    ports = {row["port"]: {key: row.get(key) for key in (
        "bridge", "type", "vid", "trunk", "native", "tunnel", "tpid", "isolated", "flood_unknown",
        "flood_multicast", "mtu", "parent", "parent_vid", "stp_cost", "stp_priority", "bpdu",
        "mrouter", "fast_leave", "checksum", "carrier", "bond")}
             for row in daemon.vsctl("port", "show") if row["type"] not in ("gateway", "vxlan")}
    bridges = {row["bridge"]: {key: row[key] for key in (
        "ageing", "fdb_limit", "announce", "stp", "stp_priority", "snooping", "querier",
        "query_interval")}
               for row in daemon.vsctl("bridge", "show")}
    bonds = {row["bond"]: (row["mode"], row["bridge"], row["updelay"],
                           sorted(member["port"] for member in row["members"]))
             for row in daemon.vsctl("bond", "show")}
    # gateway ports are named as they come
    addrs = {row["addr"]: (row["bridge"] or row["port"], row["vid"])
             for row in daemon.vsctl("addr", "show")}
    routes = {row["route"]: (row["via"], row["kind"] if not row["via"] else "via")
              for row in daemon.vsctl("route", "show") if row["origin"] == "static"}
    neighs = {row["neighbour"]: row["mac"] for row in daemon.vsctl("neigh", "show")
              if row["state"] == "permanent"}
    nats = {row["nat"]: {key: re.sub(r"^gw\d+$", "gw", str(row.get(key)))
                         for key in ("masquerade", "dnat", "out")}
            for row in daemon.vsctl("nat", "show")}
    table = {key: value for key, value in daemon.vsctl("nat-table", "show").items()
             if key in ("udp", "mapping", "sessions-max", "sessions_max")}
    networks = {row["network"]: (row["lease"], row["domain"])
                for row in daemon.vsctl("network", "show")}
    mirrors = {row["mirror"]: (row["port"], row["bridge"], row["vxlan"] or row["to"], row["vni"],
                               row["vlan"], row["snaplen"])
               for row in daemon.vsctl("mirror", "show")}
    stations = {(row["bridge"], row["mac"], row["vid"]): row["port"] for bridge in bridges
                for row in daemon.vsctl("fdb", "show", bridge)
                if row["static"] and not row["port"].startswith("gw")}
    return {"ports": ports, "bridges": bridges, "bonds": bonds, "addrs": addrs, "routes": routes,
            "neighs": neighs, "stations": stations, "nats": nats, "table": table, "networks": networks,
            "mirrors": mirrors}


def differences(one, two, where=""):
    """What a person wants to know of two states that should be equal, line by line."""
    if one == two:
        return []
    if isinstance(one, (list, tuple)) and isinstance(two, (list, tuple)) and len(one) == len(two):
        one, two = dict(enumerate(one)), dict(enumerate(two))
    if not isinstance(one, dict) or not isinstance(two, dict):
        return ["%s: %s, and %s" % (where, one, two)]
    return [line for key in {**one, **two}
            for line in differences(one.get(key), two.get(key), "%s/%s" % (where, key))]


def write(daemon, text, name="other.conf"):
    """A file beside the daemon's own."""
    path = daemon.folder / name
    path.write_text(text)
    return path
