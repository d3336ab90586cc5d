#!/usr/bin/env python3
"""Counts what a run of `bazel test` and the other steps of ./test have really done.

  tools/count_tests.py BUILD_EVENTS EXPECTED STEPS

BUILD_EVENTS is bazel's --build_event_json_file; EXPECTED names each test target that had to run,
one per line; STEPS has a line "passed NAME" or "failed NAME" for each step outside bazel.

A target counts by the cases in its test.xml. One that failed as a whole, timed out, was not built
or never ran counts as failed at least once. A script that cannot do its work on this machine prints
a line "SKIPPED: reason" and counts as skipped. The last line printed is
"N passed, N failed, N skipped"; exits 1 if anything failed, or if nothing passed.
"""

import json
import re
import sys
import urllib.parse
import xml.etree.ElementTree
from collections import Counter

SKIPPED_LINE = re.compile(r"^SKIPPED: .*", re.MULTILINE)
GOOD = ("PASSED", "FLAKY")


def read_events(path):
    """Status by test label, and the paths of outputs ("test.xml", "test.log") by label."""
    statuses, outputs = {}, {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            event = json.loads(line)
            identity = event.get("id", {})
            if "testSummary" in identity:
                label = identity["testSummary"]["label"]
                statuses[label] = event.get("testSummary", {}).get("overallStatus", "NO_STATUS")
            elif "testResult" in identity:
                label = identity["testResult"]["label"]
                files = event.get("testResult", {}).get("testActionOutput", [])
                outputs.setdefault(label, []).append(
                    {f["name"]: urllib.parse.unquote(urllib.parse.urlparse(f.get("uri", "")).path)
                     for f in files})
    return statuses, outputs


def count_cases(path):
    """Passed, failed and skipped cases of one test.xml."""
    counts = Counter()
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            counts["failed"] += 1
        elif case.find("skipped") is not None or case.get("result") in ("skipped", "suppressed"):
            counts["skipped"] += 1
        else:
            counts["passed"] += 1
    return counts


def skip_reason(files):
    """What a script said when it skipped itself, or None."""
    if "test.log" not in files:
        return None
    with open(files["test.log"], encoding="utf-8", errors="replace") as log:
        match = SKIPPED_LINE.search(log.read())
    return match.group(0) if match else None


def count_target(status, runs):
    """Counts of one target, from its status and the outputs of its last run of each shard."""
    counts = Counter()
    for files in runs:
        try:
            counts += count_cases(files["test.xml"])
        except (KeyError, OSError, xml.etree.ElementTree.ParseError):
            counts["passed" if status in GOOD else "failed"] += 1
    if status not in GOOD:
        counts["failed"] = max(counts["failed"], 1)
    elif counts["failed"]:
        # A flaky target passed in the end: what an earlier attempt reported is not a failure.
        counts["passed"] += counts.pop("failed")
    elif counts["passed"] <= 1 and any(skip_reason(files) for files in runs):
        counts = Counter(skipped=1)
    elif not counts:
        counts["passed"] = 1
    return counts


def count_all(events, expected, steps):
    """Total counts, and a line for each failed or skipped target or step."""
    statuses, outputs = read_events(events)
    total, notes = Counter(), []
    for label in sorted(set(expected) | set(statuses)):
        status = statuses.get(label, "NOT RUN")
        counts = count_target(status, outputs.get(label, []))
        total += counts
        if counts["failed"]:
            notes.append(f"FAILED   {label} ({status.replace('_', ' ').lower()})")
        elif counts["skipped"]:
            reasons = filter(None, map(skip_reason, outputs.get(label, [])))
            notes.append(f"SKIPPED  {label} {next(reasons, '')}".rstrip())
    for step in steps:
        result, _, name = step.partition(" ")
        total[result] += 1
        if result == "failed":
            notes.append(f"FAILED   {name}")
    return total, notes


def read_lines(path):
    with open(path, encoding="utf-8") as file:
        return [line.strip() for line in file if line.strip()]


def main(arguments):
    events, expected, steps = arguments
    try:
        total, notes = count_all(events, read_lines(expected), read_lines(steps))
    except (OSError, ValueError) as error:
        total, notes = Counter(failed=1), [f"FAILED   cannot read the results: {error}"]
    for note in notes:
        print(note)
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
