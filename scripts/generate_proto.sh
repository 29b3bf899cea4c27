#!/usr/bin/env bash
# Makes what is checked in of proto/: the protobuf code and docs/config.md, in the given folder
# (default: this checkout). A second argument is where the descriptor set goes, with its comments.
#
# grpcio-tools 1.49.1 (protoc 21) writes code that runs on protobuf 3.20 to 7. The virtual path keeps
# the source in the top-level proto/ and registers it under the package's name.
set -euo pipefail
cd "$(dirname "$0")/.."
temporary=$(mktemp)
trap 'rm -f "$temporary"' EXIT
out=${1:-.}
descriptors=${2:-$temporary}
uv=${UV:-uv}
run() {
  "$uv" run --quiet --no-project --python 3.10 --with grpcio-tools==1.49.1 --with 'setuptools<81' \
    python -W ignore::UserWarning "$@"
}
run -m grpc_tools.protoc -Itfx_tflite_component/proto=proto --python_out="$out" --pyi_out="$out" \
  --include_source_info --descriptor_set_out="$descriptors" \
  tfx_tflite_component/proto/tflite_rewriter.proto
run scripts/config_page.py "$descriptors" "$out/docs/config.md"
