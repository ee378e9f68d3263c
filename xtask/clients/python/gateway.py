"""A client as Python programs have it: etcd3gw over the JSON gateway of the server at hand, over TLS.

It puts, reads, changes in a transaction, watches, locks, logs in as a user who may not do everything, and reads
/metrics whole with Prometheus' own parser. It prints a line for each, and stops at the first that is not as it should be.
"""

import argparse
import base64
import threading

import requests
from etcd3gw import Etcd3Client
from prometheus_client.parser import text_string_to_metric_families

# How long each step may take on a machine that is busy with other things.
PATIENCE_S = 60


def b64(text):
    return base64.b64encode(text.encode()).decode()


def connect(args):
    client = Etcd3Client(
        host=args.host,
        port=args.port,
        protocol="https",
        ca_cert=args.ca,
        cert_cert=args.cert,
        cert_key=args.key,
        timeout=PATIENCE_S,
        api_path="/v3/",
    )
    # Nothing but what was given: no proxy and no authority of the environment.
    client.session.trust_env = False
    return client


def keys(client):
    assert client.put("py/a", "1")
    assert client.get("py/a") == [b"1"]
    assert client.create("py/b", "2") and not client.create("py/b", "3")
    assert client.replace("py/a", "1", "4") and not client.replace("py/a", "1", "5")
    assert sorted(value for value, _ in client.get_prefix("py/")) == [b"2", b"4"]
    assert client.delete("py/a") and client.get("py/a") == []


def transaction(client):
    answer = client.transaction(
        {
            "compare": [{"key": b64("py/b"), "result": "EQUAL", "target": "VERSION", "version": 1}],
            "success": [{"request_put": {"key": b64("py/b"), "value": b64("6")}}],
            "failure": [{"request_range": {"key": b64("py/b")}}],
        }
    )
    assert answer["succeeded"]
    assert client.get("py/b") == [b"6"]


def watch(client):
    events, cancel = client.watch("py/w")
    writer = threading.Thread(target=lambda: [client.put("py/w", str(number)) for number in range(10)])
    writer.start()
    seen = []
    for event in events:
        seen.append(event["kv"]["value"])
        if seen[-1] == b"9":
            cancel()
            break
    writer.join()
    # The watch may begin after the first put, but then misses none.
    assert seen == [str(number).encode() for number in range(10)][-len(seen):], seen


def lease_and_lock(client):
    lease = client.lease(ttl=600)
    assert client.put("py/l", "1", lease=lease)
    assert 0 < lease.ttl() <= 600 and lease.refresh() == 600
    assert lease.keys() == [b"py/l"]
    assert lease.revoke() and client.get("py/l") == []
    with client.lock("py-lock", ttl=60) as held:
        assert held.is_acquired()
        assert not client.lock("py-lock", ttl=60).acquire()
    assert client.lock("py-lock", ttl=60).acquire()


def login(client, args):
    def call(path, body, on=client):
        return on.post(on.get_url(path), json=body)

    for user in ("root", "guest"):
        call("/auth/user/add", {"name": user, "password": "secret"})
    call("/auth/role/add", {"name": "root"})
    call("/auth/role/add", {"name": "reader"})
    permission = {"permType": "READ", "key": b64("py/"), "range_end": b64("py0")}
    call("/auth/role/grant", {"name": "reader", "perm": permission})
    call("/auth/user/grant", {"user": "root", "role": "root"})
    call("/auth/user/grant", {"user": "guest", "role": "reader"})
    call("/auth/enable", {})

    def user(name):
        own = connect(args)
        own.session.headers["Authorization"] = call("/auth/authenticate", {"name": name, "password": "secret"})["token"]
        return own

    root, guest = user("root"), user("guest")
    assert guest.get("py/b") == [b"6"]
    for refused in (lambda: guest.put("py/b", "7"), lambda: client.get("py/b")):
        try:
            refused()
        except Exception as error:  # the library has a class of its own for each status
            detail = getattr(error, "detail_text", "") or str(error)
            assert "permission denied" in detail or "user name is empty" in detail, detail
        else:
            raise AssertionError("not refused")
    assert root.put("py/b", "8")
    call("/auth/disable", {}, on=root)


def metrics(args):
    url = f"https://{args.host}:{args.port}/metrics"
    session = requests.Session()
    session.trust_env = False
    answer = session.get(url, verify=args.ca, cert=(args.cert, args.key) if args.cert else None, timeout=PATIENCE_S)
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert len(families) > 100, len(families)
    assert families["etcd_mvcc_put"].samples[0].value >= 13
    for family in families.values():
        assert family.documentation and family.type in ("counter", "gauge", "histogram"), family.name


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    args = parser.parse_args()
    client = connect(args)
    steps = [
        ("put, get and delete", lambda: keys(client)),
        ("transaction", lambda: transaction(client)),
        ("watch", lambda: watch(client)),
        ("lease and lock", lambda: lease_and_lock(client)),
        ("login", lambda: login(client, args)),
        ("metrics", lambda: metrics(args)),
    ]
    for name, step in steps:
        step()
        print("ok", name, flush=True)


if __name__ == "__main__":
    main()
