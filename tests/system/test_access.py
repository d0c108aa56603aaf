# SPDX-License-Identifier: BSD-3-Clause
"""Who may do what: the socket's group reads, root changes, and the log tells of every change."""

import contextlib
import grp
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import tempfile

import pytest

from harness.bed import Bed
from harness.daemon import build_folder
from harness.wait import wait_until

GROUP = "vswitch"
READER = 4242  # nobody's uid
READERS_UID_MAX = 16
READERS_MAX = 32
CLIENTS_MAX = 64
READER_LINE_MAX = 128 * 1024


@contextlib.contextmanager
def group():
    """The group of the socket: the host's, or one of this process's own namespace."""
    try:
        yield grp.getgrnam(GROUP).gr_gid
        return
    except KeyError:
        pass
    with tempfile.NamedTemporaryFile("w", suffix=".group") as file:
        file.write(pathlib.Path("/etc/group").read_text(encoding="ascii") + "%s:x:7171:\n" % GROUP)
        file.flush()
        os.chmod(file.name, 0o644)
        subprocess.run(["mount", "--bind", file.name, "/etc/group"], check=True)
        try:
            yield 7171
        finally:
            subprocess.run(["umount", "/etc/group"], check=True)


class Reader:
    """A user who is not root, in the group or not."""

    def __init__(self, daemon, folder, uid, gid):
        self.daemon = daemon
        self.vsctl_path = folder / "vsctl"
        self.ids = ["setpriv", "--reuid", str(uid), "--regid", str(gid), "--clear-groups"]
        self.uid = uid
        self.gid = gid

    def vsctl(self, *words):
        """Run vsctl as this user."""
        return subprocess.run(
            [*self.ids, self.vsctl_path, "-s", self.daemon.socket_path, *words], check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=60)

    def connect(self):
        """A connection of this user's. It is the effective user that counts."""
        groups = os.getgroups()
        os.setgroups([])
        os.setegid(self.gid)
        os.seteuid(self.uid)
        try:
            return self.daemon.connect()
        finally:
            os.seteuid(0)
            os.setegid(0)
            os.setgroups(groups)


@pytest.fixture
def house(request, tmp_path):
    """A switch whose socket others can reach, and users."""
    if request.config.lacking is not None:
        pytest.skip(request.config.lacking)
    made = Bed(tmp_path)
    with tempfile.TemporaryDirectory() as folder, group() as gid:
        folder = pathlib.Path(folder)
        os.chmod(folder, 0o755)
        shutil.copy(build_folder() / "ctl/vsctl", folder / "vsctl")
        made.daemon.run_dir = folder / "run"
        made.reader = Reader(made.daemon, folder, READER, gid)
        made.other = Reader(made.daemon, folder, READER + 1, gid)
        made.stranger = Reader(made.daemon, folder, READER, 65534)
        made.gid = gid
        try:
            yield made.start()
        finally:
            made.close()


def changes(daemon):
    """The log's lines of changes, less process ids."""
    return [re.sub(r"pid \d+", "pid N", line).split("change: ", 1)[1]
            for line in daemon.log.splitlines() if "change: " in line]


def ask(client, line):
    """Send a line; the reply's."""
    client.sendall(line + b"\n")
    return answer(client)


def answer(client):
    """A line."""
    with client.makefile("rb") as file:
        return json.loads(file.readline() or b"null")


def request_of(method, **params):
    """A line."""
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()


def test_who_may_what(house):
    """The group reads everything, and changes nothing; others cannot even connect."""
    daemon = house.daemon
    state = os.stat(daemon.socket_path)
    assert (state.st_uid, state.st_gid, state.st_mode & 0o777) == (0, house.gid, 0o660)
    refused = house.stranger.vsctl("show")
    assert refused.returncode == 1
    assert "no permission for %s: run as root; the group vswitch may read" % daemon.socket_path in refused.stderr

    for words in ("show", "bridge show", "port show", "bond show", "vif show", "fdb show",
                  "stp show", "group show", "querier show", "addr show", "route show",
                  "neigh show", "nat show", "nat sessions", "nat-table show", "network show",
                  "mirror show",
                  "stats show", "worker show", "config show", "config history", "version"):
        result = house.reader.vsctl(*words.split())
        assert (result.returncode, result.stderr) == (0, ""), words
    before = daemon.vsctl("config", "show")
    for words in ("bridge add br1", "bridge set br0 ageing 10", "bridge del br0",
                  "port add p9 bridge br0 type tap", "fdb flush br0", "neigh flush", "nat flush",
                  "nat-table set udp 10", "route import kernel", "config confirm",
                  "config rollback"):
        result = house.reader.vsctl(*words.split())
        method = " ".join(words.split()[:2])
        assert result.returncode == 1, words
        assert result.stderr == ("vsctl: %s: only root may change the switch; you are uid %d (?)\n"
                                 % (method, READER))
    assert daemon.vsctl("config", "show") == before
    assert house.reader.vsctl("brctl", "addbr", "br1").returncode == 1
    # a name that /etc/passwd has
    house.reader.ids[2] = str(pwd.getpwnam("daemon").pw_uid)
    assert "you are uid 1 (daemon)" in house.reader.vsctl("bridge", "add", "br1").stderr


def test_log_of_changes(house):
    """Who, what and what came of it: of each change, however it came."""
    daemon = house.daemon
    who = r"^root \(uid 0, pid N vsctl of [^,)]+.*\): "
    daemon.vsctl("bridge", "add", "br1", "ageing", "77")
    assert re.match(who + "bridge add br1 ageing 77: done$", changes(daemon)[-1])
    daemon.vsctl_raw("bridge", "add", "br1")
    assert re.match(who + "bridge add br1: refused: .*br1", changes(daemon)[-1])
    daemon.vsctl("bridge", "show")
    assert len(changes(daemon)) == 2

    path = daemon.folder / "other.conf"
    path.write_text("[bridge br0]\nloop-detect = no\n[bridge br1]\nageing = 78\n"
                    "[port t1]\nbridge = br1\ntype = tap\n")
    daemon.vsctl("config", "apply", path)
    what = "config apply %s: " % path
    # what can be made beforehand is, so that it joins in no time
    assert re.match(who + re.escape(what) + "done: 3 changes$", changes(daemon)[2])
    assert sorted(re.sub(r"\d\. ", "", line) for line in changes(daemon)[3:]) == [
        what + "bridge set br1 ageing 78", what + "port add t1 bridge none type tap",
        what + "port set t1 bridge br1"]

    path.write_text("port del t1\nbridge del br1\n")
    daemon.vsctl("batch", path)
    assert changes(daemon)[-2:] == ["batch %s: 1. port del t1" % path,
                                    "batch %s: 2. bridge del br1" % path]
    path.write_text("bridge add br2\nbridge add br0\n")
    daemon.vsctl_raw("batch", path)
    assert re.match(who + "batch .*: refused: command 2: ", changes(daemon)[-1])


def test_log_of_rollback(house):
    """What vswitchd takes back by itself is its own doing."""
    daemon = house.daemon
    path = daemon.folder / "other.conf"
    path.write_text("[bridge br0]\nloop-detect = no\nageing = 5\n")
    daemon.vsctl("config", "apply", path, "--confirm", "1")
    assert "done: 1 change, to be confirmed" in changes(daemon)[0]
    wait_until(lambda: changes(daemon)[-1] ==
               "config rollback: nobody confirmed: 1. bridge set br0 ageing 300",
               what=lambda: "it is taken back: %s" % changes(daemon))
    assert changes(daemon)[-2] == "vswitchd: config rollback: nobody confirmed: done: 1 change"
    assert daemon.vsctl("config", "history")[-1]["uid"] is None


def test_log_cannot_be_forged(house):
    """Lines stay lines, of a length that can be read; who is refused does not fill the log."""
    daemon = house.daemon
    name = "x\nchange: root (uid 0): bridge add evil: done\x1b[2J" + "y" * 3000
    daemon.rpc("bridge.add", name=name)
    line = changes(daemon)[-1]
    assert "bridge add x?change: root (uid 0): bridge add evil: done?[2Jyyy" in line
    assert len(line) < 1000 and daemon.log.count("\x1b") == 0
    with house.reader.connect() as client:
        for _ in range(100):
            assert "only root" in ask(client, request_of("bridge.add", name="b"))["error"]["message"]
    refused = [line for line in changes(daemon) if "refused: only root may" in line]
    assert 1 <= len(refused) <= 10
    assert re.match(r"\? \(uid %d, pid N python3.*\): bridge add b: refused" % READER, refused[0])


def test_reader_cannot_keep_root_out(house):
    """However many connections readers hold, and whatever they ask, root is served."""
    daemon = house.daemon
    with contextlib.ExitStack() as stack:
        mine = [stack.enter_context(house.reader.connect()) for _ in range(1000)]
        for client in mine[:READERS_UID_MAX]:
            assert ask(client, request_of("version"))["result"]
        message = answer(mine[READERS_UID_MAX])["error"]["message"]
        assert message == "too many clients (%d)" % READERS_UID_MAX
        # another user is no worse off for that
        other = stack.enter_context(house.other.connect())
        assert ask(other, request_of("version"))["result"]
        # they ask and do not read
        for client in mine[:READERS_UID_MAX]:
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    client.send((request_of("port.show") + b"\n") * 100)
        daemon.vsctl("bridge", "add", "br1")
        daemon.vsctl("bridge", "del", "br1")
        roots = [stack.enter_context(daemon.connect()) for _ in range(READERS_MAX)]
        for client in roots:
            assert ask(client, request_of("version"))["result"]


def test_reader_line(house):
    """A reader's request has a limit of its own."""
    with house.reader.connect() as client:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(b" " * (READER_LINE_MAX + 1))
        assert "longer than %d bytes" % READER_LINE_MAX in answer(client)["error"]["message"]
    line = request_of("bridge.show") + b" " * (READER_LINE_MAX + 100000)
    assert json.loads(house.daemon.rpc_line(line))["result"]
