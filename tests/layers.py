#!/usr/bin/env python3
"""Keeps the house of design: includes go downwards only, each library stands behind its door, includes are written
from the root, and a .c file includes its own header first. Prints what is wrong as FILE:LINE; exit 1 then."""

import fnmatch
import pathlib
import re
import sys

# From the ground up. The first pattern that fits a file says where it stands.
FLOORS = [
    ("proxy/base/*", 0),
    ("conf/*", 1),
    ("proxy/sip/*", 2),
    ("proxy/transport/*", 3),
    ("proxy/transaction/*", 4),
    ("nat/*", 5),
    ("routing/*", 5),
    ("federation/*", 5),
    ("media/*", 5),
    ("proxy/main.c", 8),
    ("proxy/commands/*", 7),
    ("proxy/*", 6),
]

SKILLS = ("nat", "routing", "federation", "media")
SKILL_DOORS = {("media", "nat/stun.h")}

# Which files alone include a library's headers.
DOORS = {
    "sofia-sip/sdp.h": ["proxy/sip/sdp_session.h"],
    "sofia-sip/su_alloc.h": ["proxy/sip/*", "routing/route_set.c", "federation/asserted.c", "federation/screen.c"],
    "sofia-sip/*": ["proxy/sip/*", "federation/asserted.c", "federation/screen.c"],
    "gnutls/*": ["proxy/base/random.c", "proxy/base/mac.c", "proxy/transport/certificate_file.[ch]",
                 "proxy/transport/credentials.c", "proxy/transport/credentials_gnutls.h",
                 "proxy/transport/identity.c", "proxy/transport/tls*.[ch]", "media/dtls.c"],
    "nettle/*": ["proxy/base/mac.[ch]", "media/srtp_ciphers.c", "proxy/sip/digest.c", "proxy/sip/digest_nonce.c"],
    "ares*.h": ["routing/dns_*.c", "routing/dns.c"],
    "yaml.h": ["conf/yaml.c"],
    "uthash.h": ["proxy/base/table.h"],
    "utlist.h": [],
    "jansson.h": ["proxy/*.[ch]", "proxy/commands/*.[ch]"],
    "microhttpd.h": ["proxy/http.c"],
    "systemd/*": ["proxy/base/log_journal.c", "proxy/commands/notify.c"],
    "curl/*": ["proxy/commands/client.c"],
    "srtp2/*": ["media/srtp.c", "media/srtp_ciphers.c"],
    "sqlite3.h": ["proxy/base/store_file.c"],
    "libmnl/*": ["media/kernel_nft.c", "media/kernel_route.c"],
    "libnftnl/*": ["media/kernel_message.c", "media/kernel_nft.c", "media/kernel_rule.c"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def floor_of(path):
    return next((floor for pattern, floor in FLOORS if fnmatch.fnmatch(path, pattern)), None)


def skill_of(path):
    head = path.split("/")[0]
    return head if head in SKILLS else None


def matches(path, pattern):
    # "*" does not cross a folder here, unlike in fnmatch.
    return path.count("/") == pattern.count("/") and fnmatch.fnmatch(path, pattern)


def check_own(root, path, name):
    """One of our headers, included by path."""
    if not (root / name).is_file():
        return f'"{name}" is not written from the root'
    mine, theirs = floor_of(path), floor_of(name)
    if theirs is None:
        return f'"{name}" is on no floor'
    if theirs > mine:
        return f'"{name}" lies above'
    ours, its = skill_of(path), skill_of(name)
    if ours and its and ours != its and (ours, name) not in SKILL_DOORS:
        return f'"{name}": the skills do not know each other'
    return None


def check_library(path, name):
    for pattern, doors in DOORS.items():
        if fnmatch.fnmatch(name, pattern):
            if any(matches(path, door) for door in doors):
                return None
            return f"<{name}> is included by {', '.join(doors) or 'nobody'} alone"
    return None


def check_file(root, path):
    lines = (root / path).read_text(encoding="utf-8", errors="replace").splitlines()
    own = path[:-2] + ".h"
    is_first = True
    if path.endswith(".h") and "#pragma once" not in lines:
        yield 1, "#pragma once is missing"
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        is_ours, name = match.group(1) == '"', match.group(2)
        if is_first and path.endswith(".c") and (root / own).is_file() and name != own:
            yield number, f'its own header "{own}" comes first'
        is_first = False
        fault = check_own(root, path, name) if is_ours else check_library(path, name)
        if fault:
            yield number, fault


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    n_files = n_faults = 0
    for folder in ("conf", "federation", "media", "nat", "proxy", "routing"):
        for file in sorted((root / folder).rglob("*.[ch]")):
            path = file.relative_to(root).as_posix()
            n_files += 1
            for number, fault in check_file(root, path):
                print(f"{path}:{number}: {fault}")
                n_faults += 1
    if n_files < 100:
        print(f"only {n_files} files: is this the tree?")
        return 1
    return 1 if n_faults else 0


if __name__ == "__main__":
    sys.exit(main())
