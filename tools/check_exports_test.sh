#!/bin/bash
# The export check passes a binary that keeps BoringSSL to itself, and catches one that does not.
set -euo pipefail

check=$1 hidden=$2 exporting=$3

"$check" "$hidden" || { echo "a clean binary was refused"; exit 1; }
if "$check" "$hidden" "$exporting"; then
  echo "a binary that exports SSL_* was not caught"
  exit 1
fi
