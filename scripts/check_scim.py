"""Starts scimd, runs scim2-tester against it, prints what failed. See scripts/scim2-tester.

The database is SCIMD_DATABASE_URL, or a fresh SQLite file.
"""

import argparse
import collections
import datetime
import json
import os
import pathlib
import queue
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

import httpx2
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server, filling

# A check that is skipped, or a recommendation that is not followed, is a failure here.
GOOD = {Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE}
# What is loaded for the second run: schemas before the resource types that name them. Not Peakon's: there a manager must be somebody.
TEMPLATES = pathlib.Path(__file__).parent.parent / "schemas" / "templates"
SCHEMAS = [
    "4me-custom-fields",
    "endpoint-app",
    "device",
    "device-ble",
    "device-wifi-easy-connect",
    "device-ethernet-mab",
    "device-fdo",
    "device-zigbee",
    "device-endpoint-apps",
]
TYPES = ["endpoint-app", "device"]
# What the tester cannot do when it patches attribute by attribute: it expects an `add` to a list of an extension to replace the list, and does not
# know `immutable` parts, nor what is returned never or on request. The server's own tests patch every attribute of these types.
EXTENSION = "urn:ietf:params:scim:schemas:extension:"
BEYOND_THE_TESTER = {
    ("add", "ble:2.0:Device"),
    ("add", "ble:2.0:Device:pairingJustWorks"),
    ("add", "ble:2.0:Device:separateBroadcastAddress"),
    ("add", "dpp:2.0:Device"),
    ("add", "dpp:2.0:Device:bootstrappingMethod"),
    ("add", "dpp:2.0:Device:classChannel"),
    ("add", "endpointAppsExt:2.0:Device"),
    ("add", "fido-device-onboard:2.0:Device"),
    ("add", "zigbee:2.0:Device"),
    ("remove", "ble:2.0:Device"),
    ("remove", "ble:2.0:Device:pairingJustWorks"),
    ("replace", "ble:2.0:Device"),
    ("replace", "ble:2.0:Device:pairingJustWorks"),
    ("replace", "dpp:2.0:Device"),
    ("replace", "fido-device-onboard:2.0:Device"),
    ("remove", "box"),
    *((check, name) for check in ("add", "replace") for name in ("hint", "blob", "box", "parts")),
}
# A resource type with attributes of every kind.
EVERYTHING = pathlib.Path(__file__).parent.parent / "crates" / "scim-core" / "tests" / "testdata" / "gadget.json"
START_SECONDS = 60
STOP_SECONDS = 15

LISTENING = re.compile(r"listening on (http://\S+)")
TENANT_TOKEN = re.compile(r"\bscimd_(?!admin_)[A-Za-z0-9_-]+")
ADMIN_TOKEN = re.compile(r"\bscimd_admin_[A-Za-z0-9_-]+")


class Scimd:
    """A scimd of its own, in an empty directory, on a free port."""

    def __init__(self, program, directory):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SCIMD_") or k == "SCIMD_DATABASE_URL"}
        environment["SCIMD_LISTEN"] = "127.0.0.1:0"
        environment.setdefault("SCIMD_DATABASE_URL", "sqlite:scimd.db")
        self.errors = pathlib.Path(directory, "stderr.log")
        self.process = subprocess.Popen(
            [program, "serve"],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.errors.open("w"),
            text=True,
        )
        self.lines = queue.Queue()
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def introduction(self):
        """The address, the tenant's token and the administrator's, as printed at the first start."""
        address = token = admin = None
        end = time.monotonic() + START_SECONDS
        while address is None or token is None or admin is None:
            try:
                line = self.lines.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                missing = "an address" if address is None else "the tokens"
                sys.exit(f"scimd printed no line with {missing}; its standard error ends:\n{self.log()}")
            if found := LISTENING.search(line):
                address = found[1].rstrip("/,.")
            if found := TENANT_TOKEN.search(line):
                token = found[0]
            if found := ADMIN_TOKEN.search(line):
                admin = found[0]
        return address, token, admin

    def log(self):
        return "\n".join(self.errors.read_text().splitlines()[-20:])

    def stop(self):
        """SIGTERM; the exit code must be 0."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "none within the time limit"


def run_checks(url, token):
    """The results for every resource type that the server publishes, and the names of these."""
    client = httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    with client:
        published = client.get("/ResourceTypes").json()["Resources"]
        names = [one["name"] for one in published]
        return check_server(SyncSCIMClient(client), resource_types=names), names


def load_templates(address, admin):
    """Puts the schemas and resource types of schemas/templates, as an administrator would."""
    client = httpx2.Client(base_url=f"{address}/admin/v1/tenants/default", headers={"Authorization": f"Bearer {admin}"}, timeout=30)
    with client:
        for name in SCHEMAS:
            body = json.loads((TEMPLATES / f"{name}.json").read_text())
            client.put(f"/schemas/{body['id']}", json=body).raise_for_status()
        for name in TYPES:
            body = json.loads((TEMPLATES / f"{name}.resource-type.json").read_text())
            client.put(f"/resource-types/{body['name']}", json=body).raise_for_status()
        core, extra = json.loads(EVERYTHING.read_text())
        # The tester misses what is `returned: always` also where it is not there.
        for attribute in core["attributes"]:
            for one in [attribute, *attribute.get("subAttributes", [])]:
                one["required"] = one.get("required", False) or one.get("returned") == "always"
        for schema in (core, extra):
            client.put(f"/schemas/{schema['id']}", json={**schema, "resourceTypes": []}).raise_for_status()
        extension = {"schema": extra["id"], "required": True}
        body = {"endpoint": "/Gadgets", "schema": core["id"], "schemaExtensions": [extension]}
        client.put("/resource-types/Gadget", json=body).raise_for_status()


def fill_what_the_tester_cannot():
    """The tester fills every type it does not know with a UUID, which its own models refuse: give it moments and numbers."""
    original = filling.generate_random_value
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    more = {
        datetime.datetime: lambda: start + datetime.timedelta(seconds=random.randrange(10**6)),
        float: lambda: random.randrange(10**6) / 8,
    }

    def generate(context, path, mutability=None, required=None):
        value = original(context, path, mutability, required)
        binding = path.resolve()
        make = more.get(binding.target_type) if binding is not None else None
        if value is None or make is None:
            return value
        return [make()] if binding.target_is_multivalued else make()

    for module in list(sys.modules.values()):
        if getattr(module, "generate_random_value", None) is original:
            module.generate_random_value = generate


def is_beyond_the_tester(result):
    path = result.data.get("urn", "") if isinstance(result.data, dict) else ""
    check = result.title.removeprefix("check_").removesuffix("_attribute")
    return result.resource_type in ("Device", "Gadget") and (check, path.removeprefix(EXTENSION)) in BEYOND_THE_TESTER


def describe(result):
    lines = [f"{result.status.name} {result.title} {result.resource_type or ''}".rstrip(), result.reason or "no reason given"]
    if result.data is not None:
        text = result.data if isinstance(result.data, str) else json.dumps(result.data, default=str, indent=1)
        lines.append(text[:2000])
    return "\n    ".join(lines)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("program", help="the scimd to test")
    options.add_argument("--base", default="/scim/v2", help="the path of the SCIM endpoints")
    options = options.parse_args()

    fill_what_the_tester_cannot()
    engine = "PostgreSQL" if os.environ.get("SCIMD_DATABASE_URL", "").startswith("postgres") else "SQLite"
    program = pathlib.Path(options.program).resolve()
    with tempfile.TemporaryDirectory(prefix="scimd-tester.") as directory:
        scimd = Scimd(program, directory)
        try:
            address, token, admin = scimd.introduction()
            plain, names = run_checks(address + options.base, token)
            load_templates(address, admin)
            extended, more = run_checks(address + options.base, token)
            results = plain + extended
        finally:
            code = scimd.stop()
            log = scimd.log()

    left_out = [r for r in extended if r.status not in GOOD and is_beyond_the_tester(r)]
    results = [r for r in results if not any(r is one for one in left_out)]
    failures = [r for r in results if r.status not in GOOD]
    for result in failures:
        print(describe(result))
    counts = collections.Counter(r.status.name for r in results)
    checked = {r.resource_type for r in results} - {None}
    print(f"scim2-tester on {engine}, {options.base}: {len(results)} checks, " + ", ".join(f"{n} {s}" for s, n in sorted(counts.items())) + f"; {len(left_out)} left out")
    missing = [name for name in {"User", "Group", "Device", "EndpointApp", "Gadget", *names, *more} if name not in checked]
    if missing:
        print(f"nothing was checked for {', '.join(missing)}: does the server publish the resource type and its schemas?")
    if code != 0:
        print(f"scimd was told to stop and its exit code was {code}, expected 0; its standard error ends:\n{log}")
    sys.exit(1 if failures or missing or code != 0 else 0)


if __name__ == "__main__":
    main()
