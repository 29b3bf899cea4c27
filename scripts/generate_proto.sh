#!/usr/bin/env bash
# Makes the checked-in protobuf code from proto/, into the given folder (default: this checkout).
# Further arguments go to protoc.
#
# grpcio-tools 1.49.1 (protoc 21) writes code that runs on protobuf 3.20 to 7. The virtual path keeps
# the source in the top-level proto/ and registers it under the package's name.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-.}
uv=${UV:-uv}
"$uv" run --quiet --no-project --python 3.10 --with grpcio-tools==1.49.1 --with 'setuptools<81' \
  python -W ignore::UserWarning -m grpc_tools.protoc -Itfx_tflite_component/proto=proto \
  --python_out="$out" --pyi_out="$out" "${@:2}" tfx_tflite_component/proto/tflite_rewriter.proto
