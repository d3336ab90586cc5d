#!/usr/bin/env bash
set -euo pipefail
diff -u docs/configuration.md docs/configuration.generated.md && exit
echo "docs/configuration.md is not what the schema says: run 'bazel run //docs:update'" >&2
exit 1
