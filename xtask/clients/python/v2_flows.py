"""What python-etcd, a v2 client that nobody here wrote, usually does, against a cluster of three.

Called with the client URLs of the members, and the process ids that may be killed. Prints a line for each flow.
"""
import os
import signal
import sys
import threading
import time
from urllib.parse import urlparse

import etcd

LIMIT_S = 60


def client(urls, **options):
    hosts = tuple((urlparse(url).hostname, urlparse(url).port) for url in urls)
    options.setdefault("allow_reconnect", True)
    options.setdefault("read_timeout", LIMIT_S)
    return etcd.Client(host=hosts, **options)


def refused(kind, call, *args, **options):
    try:
        call(*args, **options)
    except kind:
        return
    raise AssertionError("not refused with %s: %s" % (kind.__name__, args))


def until(what, holds):
    end = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < end, "not so in time: " + what
        time.sleep(0.05)


def read_and_write(urls):
    c = client(urls)
    made = c.write("/flow/a", "1")
    assert (made.action, made.value, made.newKey) == ("set", "1", True), made
    assert c.read("/flow/a").value == "1"
    assert c.get("/flow/a").etcd_index >= made.modifiedIndex
    changed = c.set("/flow/a", "2")
    assert changed._prev_node.value == "1"
    refused(etcd.EtcdAlreadyExist, c.write, "/flow/a", "3", prevExist=False)
    refused(etcd.EtcdCompareFailed, c.write, "/flow/a", "3", prevValue="1")
    assert c.test_and_set("/flow/a", "3", "2").action == "compareAndSwap"
    result = c.read("/flow/a")
    result.value = "4"
    assert c.update(result).value == "4"
    assert c.read("/flow/a", quorum=True).value == "4"
    refused(etcd.EtcdCompareFailed, c.delete, "/flow/a", prevValue="1")
    assert c.delete("/flow/a").action == "delete"
    refused(etcd.EtcdKeyNotFound, c.read, "/flow/a")
    assert "/flow/a" not in c and c.pop is not None


def directories(urls):
    c = client(urls)
    c.write("/dir", None, dir=True)
    refused(etcd.EtcdNotFile, c.write, "/dir", "x")
    for name in ("a", "b/c", "b/d"):
        c.write("/dir/" + name, name)
    leaves = sorted(leaf.key for leaf in c.read("/dir", recursive=True).leaves)
    assert leaves == ["/dir/a", "/dir/b/c", "/dir/b/d"], leaves
    children = sorted(child.key for child in c.read("/dir").children)
    assert children == ["/dir/a", "/dir/b"], children
    jobs = [c.write("/dir/queue", "job%d" % n, append=True).key for n in range(5)]
    assert jobs == sorted(jobs) and len(set(jobs)) == 5
    listed = [job.value for job in c.read("/dir/queue", sorted=True).children]
    assert listed == ["job%d" % n for n in range(5)], listed
    refused(etcd.EtcdDirNotEmpty, c.delete, "/dir", dir=True)
    c.delete("/dir", recursive=True)
    refused(etcd.EtcdKeyNotFound, c.read, "/dir")
    refused(etcd.EtcdRootReadOnly, c.delete, "/", recursive=True)


def times_to_live(urls):
    c = client(urls)
    short = c.write("/ttl/short", "x", ttl=1)
    assert short.ttl == 1 and short.expiration is not None
    until("the key is gone", lambda: "/ttl/short" not in c)
    c.write("/ttl/long", "x", ttl=1000)
    assert 900 < c.refresh("/ttl/long", ttl=2000).ttl <= 2000
    assert c.read("/ttl/long").value == "x"
    c.write("/ttl/dir", None, dir=True, ttl=1)
    until("the directory is gone", lambda: "/ttl/dir" not in c)


def waits(urls):
    c, other = client(urls), client(urls)
    index = c.write("/wait/a", "0").modifiedIndex
    heard = []
    thread = threading.Thread(target=lambda: heard.append(c.watch("/wait/a", index=index + 1, timeout=LIMIT_S)))
    thread.start()
    other.write("/wait/a", "1")
    thread.join(LIMIT_S)
    assert [event.value for event in heard] == ["1"]
    assert c.watch("/wait", index=index, recursive=True).value == "0"
    many = [other.write("/wait/many", str(n)).modifiedIndex for n in range(20)]
    seen, at = [], many[0]
    while len(seen) < 20:
        event = c.watch("/wait/many", index=at, timeout=LIMIT_S)
        seen.append(event.value)
        at = event.modifiedIndex + 1
    assert seen == [str(n) for n in range(20)], seen
    eternal, heard = client(urls).eternal_watch("/wait", index=at, recursive=True), []
    for n in range(3):
        other.write("/wait/eternal", str(n))
        heard.append(next(eternal).value)
    assert heard == ["0", "1", "2"], heard
    refused(etcd.EtcdWatchTimedOut, c.watch, "/wait/silent", timeout=1)
    refused(etcd.EtcdEventIndexCleared, outdated, c)


def outdated(c):
    for n in range(1005):
        c.write("/wait/filler", str(n))
    c.watch("/wait/nothing", index=1)


def locks(urls):
    first, second = (etcd.Lock(client(urls), "door") for _ in range(2))
    assert first.acquire(blocking=True, lock_ttl=60) and first.is_acquired
    assert not second.acquire(blocking=False)
    order = []

    def wait_for_it():
        second.acquire(blocking=True, lock_ttl=60)
        order.append("second")

    thread = threading.Thread(target=wait_for_it)
    thread.start()
    time.sleep(0.2)
    order.append("first")
    first.release()
    thread.join(LIMIT_S)
    assert order == ["first", "second"], order
    second.release()
    with etcd.Lock(client(urls), "other") as lock:
        assert lock.is_acquired


def members(urls):
    c = client(urls)
    assert len(c.members) == 3 and len(c.machines) == 3
    leader = c.leader
    assert leader["id"] in c.members and leader["clientURLs"]
    assert c.store_stats["setsSuccess"] > 0
    assert c.stats["state"] in ("StateLeader", "StateFollower")
    assert set(client([leader["clientURLs"][0]]).leader_stats["followers"]) == set(c.members) - {leader["id"]}
    assert c.api_execute("/version", "GET").status == 200


def failover(urls, pids):
    c = client(urls)
    c.write("/failover/a", "0")
    leader = client(urls).leader["clientURLs"][0].rstrip("/")
    os.kill(pids[urls.index(leader)], signal.SIGKILL)
    end, written = time.monotonic() + LIMIT_S, 0
    while written < 50:
        try:
            c.write("/failover/a", str(written + 1))
            written += 1
        except etcd.EtcdException:
            # Until the others have a leader, and the client has tried them all.
            assert time.monotonic() < end, "no writes after the leader was killed"
            time.sleep(0.1)
    left = [url for url in urls if url != leader]
    for url in left:
        assert client([url]).read("/failover/a", quorum=True).value == "50"


def main():
    urls, pids = sys.argv[1].split(","), [int(pid) for pid in sys.argv[2].split(",")]
    flows = [read_and_write, directories, times_to_live, waits, locks, members]
    for flow in flows:
        flow(urls)
        print("python-etcd: " + flow.__name__, flush=True)
    failover(urls, pids)
    print("python-etcd: failover", flush=True)


main()
