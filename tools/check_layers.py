#!/usr/bin/env python3
"""Checks that targets depend on each other as the layers allow (ARCHITECTURE.md).

Reads every rule's direct dependencies from `bazel query` and names each one that leads where its
package must not look. Exits 1 if there is any.

  tools/check_layers.py            asks bazel
  tools/check_layers.py FILE.xml   reads what bazel answered earlier
"""

import subprocess
import sys
import xml.etree.ElementTree

ROLES = ["auth", "mx", "signer", "store"]
SERVICE_MAY_USE = ["base", "mail", "net", "proto", "role"]
EVERYTHING = ROLES + SERVICE_MAY_USE + ["cli", "deploy", "docs", "tests"]

# Folder to the folders that it may use besides itself. The longest match decides, on both sides.
LAYERS = {
    "base": [],
    # The configuration's schema is a protobuf, like every other format that outlives a process.
    "base/config": ["base", "proto"],
    "net": ["base"],
    "net/api": ["base"],
    "mail": ["base", "net/api"],
    "proto": [],
    # What the process of every role has in common; it knows no role.
    "role": ["base", "net", "proto"],
    "auth": SERVICE_MAY_USE,
    "mx": SERVICE_MAY_USE,
    "signer": SERVICE_MAY_USE,
    "store": SERVICE_MAY_USE,
    "store/model": ["base", "mail", "proto", "store/kv", "store/replication"],
    "cli": EVERYTHING,
    "deploy": EVERYTHING,
    "docs": EVERYTHING,
    "tests": EVERYTHING,
    "tools": EVERYTHING,
    "bazel": [],
    "third_party": [],
}

# Parts of allowed folders that a layer may not use after all.
WITHOUT = {
    "base": ["base/config"],
    "mail": ["base/config"],
    "net": ["base/config"],
    "net/api": ["base/config"],
    "store/model": ["base/config"],
}

# Everybody may use what serves the build.
BUILD_FOLDERS = ["bazel", "third_party", "tools"]

# Libraries that only these folders may use directly.
CONFINED = {
    "asio": ["net", "role", "mx", "store", "cli", "tests", "third_party"],
    "libraft": ["store/raft", "tests", "third_party"],
    "rocksdb": ["store/kv", "store/raft", "tests", "third_party"],
    "unbound": ["net", "tests", "third_party"],
    "com_github_grpc_grpc": ["net/rpc", "proto", "role", "cli", "tests", "tools", "third_party"] + ROLES,
    "com_google_protobuf": ["base/config", "net", "proto", "role", "cli", "docs", "tests", "tools",
                            "third_party"] + ROLES,
}

# Folders that may use these libraries and no others: no socket, thread, or schema gets in.
TESTING = ["com_google_absl", "com_google_benchmark", "com_google_googletest"]
PURE = {
    "mail": TESTING + ["boringssl", "icu", "zlib", "zstd"],
    "net/api": TESTING,
    "store/model": TESTING + ["boringssl", "com_google_protobuf", "icu", "zstd"],
}

BAZEL_OWN = ["bazel_skylib", "bazel_tools", "local_config_cc", "platforms", "rules_cc"]


def package_of(label):
    """"//mail/smtp:session" -> "mail/smtp"."""
    return label[2:].split(":")[0]


def longest_match(package, folders):
    """The most specific of the folders that contains the package, or None."""
    matches = [f for f in folders if package == f or package.startswith(f + "/")]
    return max(matches, key=len, default=None)


def internal_fault(package, target):
    """Why this package must not use that one, or None."""
    if target in ("", package) or longest_match(target, BUILD_FOLDERS):
        return None
    layer = longest_match(package, LAYERS)
    if layer is None:
        return f"//{package} is in no layer: add it to tools/check_layers.py"
    without = longest_match(target, WITHOUT.get(layer, []))
    if longest_match(target, [layer] + LAYERS[layer]) and not without:
        return None
    allowed = ", ".join("//" + folder for folder in LAYERS[layer]) or "no other folder"
    return f"//{layer} may use {allowed}" + (f" without //{without}" if without else "")


def external_fault(package, repository):
    """Why this package must not use that external repository, or None."""
    if repository in BAZEL_OWN:
        return None
    confined = CONFINED.get(repository)
    if confined and not longest_match(package, confined):
        return f"@{repository} is for //{', //'.join(confined)}"
    pure = longest_match(package, PURE)
    if pure and repository not in PURE[pure]:
        return f"//{pure} may use only @{', @'.join(PURE[pure])}"
    return None


def fault(rule, dependency):
    """Why the dependency of the rule breaks the layers, or None."""
    package = package_of(rule)
    if dependency.startswith("@"):
        return external_fault(package, dependency[1:].split("//")[0])
    return internal_fault(package, package_of(dependency))


def faults(query):
    """A line for each forbidden dependency in an answer of `bazel query --output=xml`."""
    # Python reads only XML 1.0, and bazel says 1.1.
    root = xml.etree.ElementTree.fromstring(query.replace('version="1.1"', 'version="1.0"', 1))
    for rule in root.iter("rule"):
        for dependency in rule.iter("rule-input"):
            reason = fault(rule.get("name"), dependency.get("name"))
            if reason:
                yield f"{rule.get('name')} uses {dependency.get('name')}, but {reason}"


def ask_bazel():
    """All rules of the workspace with their direct dependencies."""
    command = ["bazel", "query", "--output=xml", "--noimplicit_deps", "--notool_deps",
               "--noshow_progress", "kind(rule, //...)"]
    answer = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if answer.returncode != 0:
        sys.exit("layers: bazel query failed")
    return answer.stdout


def main(arguments):
    if arguments:
        with open(arguments[0], encoding="utf-8") as file:
            query = file.read()
    else:
        query = ask_bazel()
    lines = list(faults(query))
    for line in lines:
        print(line)
    print(f"layers: {len(lines)} forbidden dependencies")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
