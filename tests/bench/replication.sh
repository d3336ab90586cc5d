#!/bin/bash
# Runs the benchmark from where bazel put it and what it needs.
exec python3 -B -m tests.bench.replication "$@"
