#!/usr/bin/env bash
# Deletes what `make` and the tools wrote: the environments and all that git ignores as generated.
set -euo pipefail
cd "$(dirname "$0")/.."
rm -rf --one-file-system .venv .venv-1.21 build dist site ./*.egg-info \
  .mypy_cache .pytest_cache .ruff_cache .hypothesis
find . -name __pycache__ -prune -exec rm -rf {} +
root=${TMPDIR:-/tmp}/tfx-tflite-trixie
if [ -d "$root" ]; then
  echo "The Debian trixie root $root is shared by all checkouts and was left. Delete it with" \
    "\`sudo rm -rf --one-file-system $root\`."
fi
