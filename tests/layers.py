#!/usr/bin/env python3
"""Keeps the layers of docs/architecture.md: who may include whom, which library has which door, and that a header
compiles alone. One line for each thing that is wrong; at the end "N passed, N failed", counting files."""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Each floor and the floors that it may include, beside itself. nat/stun.h is the one door to a skill.
FLOORS = {
    "proxy/base": [],
    "conf": ["proxy/base"],
    "proxy/sip": ["conf", "proxy/base"],
    "proxy/transport": ["proxy/sip", "conf", "proxy/base"],
    "proxy/transaction": ["proxy/transport", "proxy/sip", "conf", "proxy/base"],
    "nat": ["proxy/transaction", "proxy/transport", "proxy/sip", "conf", "proxy/base"],
    "routing": ["proxy/transaction", "proxy/transport", "proxy/sip", "conf", "proxy/base"],
    "federation": ["proxy/transaction", "proxy/transport", "proxy/sip", "conf", "proxy/base"],
    "media": ["proxy/transaction", "proxy/transport", "proxy/sip", "conf", "proxy/base"],
    "proxy": ["proxy/commands", "federation", "routing", "nat", "media", "proxy/transaction", "proxy/transport",
              "proxy/sip", "conf", "proxy/base"],
    "proxy/commands": ["proxy", "federation", "routing", "nat", "media", "proxy/transaction", "proxy/transport",
                       "proxy/sip", "conf", "proxy/base"],
}
# The one file beside its floor that may be included from elsewhere.
DOORS = {"media": {"nat/stun.h"}}
# A library's headers, and the folders or files in which they may be included.
LIBRARIES = {
    r"sofia-sip/": ["proxy/sip/", "proxy/transport/", "proxy/transaction/", "routing/", "federation/", "nat/", "media/",
                    "proxy/"],
    r"gnutls/": ["proxy/base/mac.c", "proxy/base/random.c", "proxy/transport/"],
    r"nettle/": ["proxy/sip/digest"],
    r"ares": ["routing/dns_"],
    r"ev\.h": ["proxy/base/loop.h"],
    r"yaml\.h": ["conf/yaml.c"],
    r"uthash\.h": ["proxy/base/table.h"],
    r"jansson\.h": ["proxy/"],
    r"microhttpd\.h": ["proxy/http.c"],
    r"systemd/": ["proxy/base/log_journal.c", "proxy/commands/notify.c"],
    r"curl/": ["proxy/commands/client.c"],
}
# Below the roof these stand for themselves; "proxy/" above means the roof and its commands alone.
BELOW_ROOF = ("proxy/base/", "proxy/sip/", "proxy/transport/", "proxy/transaction/")


def sources():
    for floor in FLOORS:
        folder = os.path.join(ROOT, floor)
        for name in sorted(os.listdir(folder) if os.path.isdir(folder) else []):
            if name.endswith((".c", ".h")):
                yield floor, f"{floor}/{name}"


def floor_of(path):
    return os.path.dirname(path)


def is_allowed(path, places):
    for place in places:
        if place == "proxy/":
            if path.startswith("proxy/") and not path.startswith(BELOW_ROOF):
                return True
        elif path.startswith(place):
            return True
    return False


def faults_of(floor, path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as source:
        lines = source.read().splitlines()
    for number, line in enumerate(lines, 1):
        ours = re.match(r'#include "([^"]+)"', line)
        theirs = re.match(r"#include <([^>]+)>", line)
        if ours:
            target = ours.group(1)
            if not os.path.exists(os.path.join(ROOT, target)):
                yield f"{path}:{number}: {target} is not written from the root"
            elif floor_of(target) not in [floor, *FLOORS[floor]] and target not in DOORS.get(floor, ()):
                yield f"{path}:{number}: {floor} may not include {target}"
        elif theirs:
            for library, places in LIBRARIES.items():
                if re.match(library, theirs.group(1)) and not is_allowed(path, places):
                    yield f"{path}:{number}: <{theirs.group(1)}> has its door elsewhere ({', '.join(places)})"
    if path.endswith(".h"):
        if "#pragma once" not in lines:
            yield f"{path}: no #pragma once"
        yield from not_alone(path)


def compile_flags():
    packages = ["sofia-sip-ua", "gnutls", "libcares", "yaml-0.1", "jansson", "libmicrohttpd", "libsystemd", "libcurl"]
    done = subprocess.run(["pkg-config", "--cflags", *packages], capture_output=True, text=True, check=True)
    return ["-std=gnu11", "-D_GNU_SOURCE", '-DNUNCIO_VERSION="layers"', f"-I{ROOT}", *done.stdout.split()]


FLAGS = compile_flags()


def not_alone(path):
    done = subprocess.run(["cc", *FLAGS, "-fsyntax-only", "-x", "c", os.path.join(ROOT, path)], capture_output=True,
                          text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if "error:" in line]
    if done.returncode:
        yield f"{path}: does not compile alone: {complaints[0] if complaints else done.stderr}"


def main():
    passed = failed = 0
    for floor, path in sources():
        faults = list(faults_of(floor, path))
        passed, failed = passed + (not faults), failed + bool(faults)
        print("\n".join(faults), end="\n" if faults else "")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
