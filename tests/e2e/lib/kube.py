# SPDX-License-Identifier: Apache-2.0
"""
A Kubernetes API server as far as the collector asks one: lists of pods, services and nodes in pages, watches with
bookmarks, over TLS with a certificate of its own, and with whatever can go wrong switched on by the case.
"""
import contextlib
import copy
import http.server
import json
import re
import socket
import socketserver
import ssl
import threading
import time
import urllib.parse
import uuid

from . import netns

PORT = 6443
HOST = "127.0.0.1"
KINDS = {"pods": "Pod", "services": "Service", "nodes": "Node"}


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def node(name, address, zone):
    return {"metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone}},
            "status": {"addresses": [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": address}],
                       "images": [{"names": ["registry.example/app:1"], "sizeBytes": 1}] * 5}}


def service(namespace, name, *addresses):
    return {"metadata": {"name": name, "namespace": namespace},
            "spec": {"clusterIP": addresses[0] if addresses else "None", "clusterIPs": list(addresses) or ["None"]}}


def pod(namespace, name, address, node_name, owner=None, started=None, host_network=False, labels=None):
    """owner: (kind, name); started: Unix time."""
    references = [{"kind": owner[0], "name": owner[1], "controller": True}] if owner else []
    addresses = [address] if isinstance(address, str) else address
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels or {}, "ownerReferences": references,
                         "annotations": {"note": "{[\"\\" * 20}},
            "spec": {"nodeName": node_name, "hostNetwork": host_network,
                     "containers": [{"name": "app", "image": "registry.example/app:1"}]},
            "status": {"phase": "Running", "startTime": stamp(started or time.time()),
                       "podIP": addresses[0], "podIPs": [{"ip": one} for one in addresses],
                       "containerStatuses": [{"name": "app", "state": {"running": {}}}]}}


def deployed(namespace, workload, i, address, node_name, **more):
    """A pod of a Deployment, by way of its ReplicaSet."""
    template = "7c9d8b6f5d"
    return pod(namespace, f"{workload}-{template}-{i}", address, node_name, ("ReplicaSet", f"{workload}-{template}"),
               labels={"pod-template-hash": template}, **more)


def finished(one, at):
    """The same pod, its containers ended at that time."""
    one = copy.deepcopy(one)
    one["status"]["phase"] = "Succeeded"
    one["status"]["containerStatuses"][0]["state"] = {"terminated": {"exitCode": 0, "finishedAt": stamp(at)}}
    return one


class Bulk:
    """Pods that exist as a number only, of some 5 KB each, until a page of them is asked for."""

    def __init__(self, n):
        self.n = n
        one = deployed("bulk", "bulk", "@NAME@", "@ADDRESS@", "node-1", started=time.time() - 3600)
        one["metadata"]["uid"] = "@UID@"
        one["metadata"]["resourceVersion"] = "1"
        fields = {f"f:field{i}": {"f:name": {}, "f:value": {"k": i}} for i in range(40)}
        one["metadata"]["managedFields"] = [{"manager": "kubelet", "operation": "Update", "fieldsV1": fields}]
        one["metadata"]["annotations"] = {"config": "x" * 1000}
        container = {"name": "app", "image": "registry.example/app:1", "env": [
            {"name": f"VARIABLE_{i}", "value": "some value or other"} for i in range(20)]}
        one["spec"]["containers"] = [container]
        self.parts = re.split("@([A-Z]+)@", json.dumps(one))

    def text(self, i):
        values = {"NAME": f"{i:05}", "UID": f"00000000-0000-4000-8000-{i:012x}", "ADDRESS": self.address(i)}
        return "".join(values[part] if n % 2 else part for n, part in enumerate(self.parts))

    @staticmethod
    def address(i):
        return f"10.{128 + i // 62500}.{i // 250 % 250}.{i % 250 + 1}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        with contextlib.suppress(OSError):
            self.answer(self.server.api)

    def answer(self, api):
        path, _, query = self.path.partition("?")
        words = dict(urllib.parse.parse_qsl(query))
        resource = path.rpartition("/")[2]
        verb = "watch" if "watch" in words else "list"
        status, retry_after = api.judge(verb, resource, self.headers.get("Authorization"))
        if status != 200:
            self.say(status, json.dumps({"kind": "Status", "code": status, "message": f"not {verb} {resource}"}),
                     retry_after)
        elif verb == "watch":
            self.watch(api, resource, int(words["resourceVersion"]), int(words["timeoutSeconds"]))
        else:
            self.say(*api.page(resource, int(words["limit"]), words.get("continue")))

    def say(self, status, text, retry_after=None):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(body)

    def chunk(self, text):
        body = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))

    def watch(self, api, resource, version, limit_s):
        """From a version that was forgotten on: 410, as a status and as an event in turn."""
        if version < api.oldest:
            api.n_expired += 1
            if api.n_expired % 2:
                return self.say(410, json.dumps({"kind": "Status", "code": 410, "reason": "Expired"}))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while resource in api.silent:
            time.sleep(0.1)
        for event in api.events(resource, version, min(limit_s, api.watch_s)):
            self.chunk(json.dumps(event) + "\n")
        self.chunk("")
        return None


def certify(file, key, name):
    netns.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
              "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=IP:{HOST}", "-keyout", str(key),
              "-out", str(file))


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, api, context):
        self.api, self.context = api, context
        self.connections = set()
        super().__init__((HOST, PORT), Handler)

    def finish_request(self, request, client_address):
        with contextlib.suppress(OSError):
            connection = self.context.wrap_socket(request, server_side=True) if self.context else request
            self.connections.add(connection)
            super().finish_request(connection, client_address)

    def hang_up(self):
        while self.connections:
            with contextlib.suppress(OSError):
                self.connections.pop().shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_):
        pass


class Api:
    """Objects and what has happened to them; the switches are plain attributes."""

    def __init__(self, lab, n_bulk=0, is_plain=False):
        """is_plain: without TLS, as kubectl proxy speaks."""
        self.scheme = "http" if is_plain else "https"
        self.dir, self.changed = lab.dir, threading.Condition()
        self.objects = {resource: {} for resource in KINDS}
        self.log = {resource: [] for resource in KINDS}
        self.version, self.oldest = 100, 0
        self.n_expired, self.n_expired_inside = 0, 0  # 410 to a watch, and within one
        self.bulk = Bulk(n_bulk)
        self.snapshots = {}
        self.requests = {}  # (verb, resource): how many
        self.statuses = {}  # status: how many
        self.forbidden = set()  # (verb, resource)
        self.silent = set()  # resources whose watches say nothing
        self.busy = 0  # so many requests are put off
        self.page_s = 0  # a page takes so long
        self.watch_s, self.bookmark_s = 3600, 1
        self.ca_file, self.token_file = lab.dir / "kube-ca.crt", lab.dir / "kube-token"
        self.tokens = []
        self.rotate()
        self.serve(lab)

    def certify(self):
        """A new certificate, which is its own authority; those who are connected must come again."""
        key = self.dir / "kube-ca.key"
        certify(self.ca_file, key, "test")
        self.context.load_cert_chain(self.ca_file, key)
        if self.server:
            self.server.hang_up()

    def serve(self, lab):
        self.context = self.server = None
        if self.scheme == "https":
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.certify()
        with netns.inside(lab.net):
            self.server = Server(self, self.context)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        lab.callback(self.server.server_close)
        lab.callback(self.server.shutdown)

    @property
    def options(self):
        return ("--kubernetes", f"{self.scheme}://{HOST}:{PORT}", "--kubernetes-ca-file", self.ca_file,
                "--kubernetes-token-file", self.token_file)

    def rotate(self):
        """A new token; the one before is still taken, those before that are not."""
        self.tokens = [*self.tokens[-1:], uuid.uuid4().hex]
        fresh = self.token_file.with_suffix(".new")
        fresh.write_text(self.tokens[-1] + "\n")
        fresh.replace(self.token_file)

    def judge(self, verb, resource, authorization):
        """(status, Retry-After)"""
        status, retry_after = 200, None
        self.requests[verb, resource] = self.requests.get((verb, resource), 0) + 1
        if authorization not in [f"Bearer {token}" for token in self.tokens]:
            status = 401
        elif (verb, resource) in self.forbidden:
            status = 403
        elif self.busy > 0:
            self.busy -= 1
            status, retry_after = 429, "1"
        self.statuses[status] = self.statuses.get(status, 0) + 1
        return status, retry_after

    def put(self, resource, one, type_=None):
        """Creates or changes, as kubectl apply does; returns what is stored."""
        with self.changed:
            self.version += 1
            metadata = one["metadata"]
            key = metadata.setdefault("uid", str(uuid.uuid4()))
            metadata.setdefault("creationTimestamp", stamp(time.time() - 3600))
            one = copy.deepcopy(one)
            one["metadata"]["resourceVersion"] = str(self.version)
            type_ = type_ or ("MODIFIED" if key in self.objects[resource] else "ADDED")
            if type_ == "DELETED":
                self.objects[resource].pop(key, None)
            else:
                self.objects[resource][key] = one
            self.log[resource].append((self.version, {"type": type_, "object": one}))
            self.changed.notify_all()
            return one

    def delete(self, resource, one):
        self.put(resource, one, "DELETED")

    def forget(self):
        """What happened before now cannot be watched any more (etcd's compaction), also by those who do so."""
        with self.changed:
            self.version += 1
            self.oldest = self.version
            for log in self.log.values():
                log.clear()
            self.changed.notify_all()

    def page(self, resource, limit, token):
        """(status, text)"""
        time.sleep(self.page_s)
        with self.changed:
            if token:
                number, at = map(int, token.split("/"))
                if number not in self.snapshots:
                    return 410, json.dumps({"kind": "Status", "code": 410})
            else:
                number, at = len(self.snapshots) + 1, 0
                n_bulk = self.bulk.n if resource == "pods" else 0
                self.snapshots[number] = self.version, list(self.objects[resource].values()), n_bulk
            version, objects, n_bulk = self.snapshots[number]
        total, end = len(objects) + n_bulk, at + limit
        items = [json.dumps(one) for one in objects[at:end]]
        items += [self.bulk.text(i) for i in range(max(at - len(objects), 0), max(min(end, total) - len(objects), 0))]
        metadata = {"resourceVersion": str(version)}
        if end < total:
            metadata["continue"] = f"{number}/{end}"
        kind = KINDS[resource] + "List"
        return 200, (f'{{"kind":"{kind}","apiVersion":"v1","metadata":{json.dumps(metadata)},'
                     f'"items":[{",".join(items)}]}}\n')

    def events(self, resource, version, limit_s):
        end, bookmark = time.monotonic() + limit_s, time.monotonic() + self.bookmark_s
        while time.monotonic() < end:
            with self.changed:
                if version < self.oldest:
                    self.n_expired_inside += 1
                    yield {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired",
                                                       "message": "too old resource version"}}
                    return
                news = [event for at, event in self.log[resource] if at > version]
                version = self.version
                if not news:
                    self.changed.wait(0.1)
            yield from news
            if time.monotonic() > bookmark:
                bookmark = time.monotonic() + self.bookmark_s
                yield {"type": "BOOKMARK", "object": {"kind": KINDS[resource],
                                                      "metadata": {"resourceVersion": str(version)}}}
