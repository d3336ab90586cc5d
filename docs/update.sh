#!/usr/bin/env bash
# Writes docs/configuration.md anew from the schema.
set -euo pipefail
install -m 644 docs/configuration.generated.md "$BUILD_WORKSPACE_DIRECTORY/docs/configuration.md"
