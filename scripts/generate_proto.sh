#!/usr/bin/env bash
# Makes what is checked in of proto/: the protobuf code and the pages of the configs' fields, in the
# given folder (default: this checkout). A second argument is the folder for the descriptor sets, with
# their comments.
#
# grpcio-tools 1.49.1 (protoc 21) writes code that runs on protobuf 3.20 to 7. The virtual path keeps
# the source in the top-level proto/ and registers it under the package's name.
set -euo pipefail
cd "$(dirname "$0")/.."
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
out=${1:-.}
descriptors=${2:-$temporary}
uv=${UV:-uv}
run() {
  "$uv" run --quiet --no-project --python 3.10 --with grpcio-tools==1.49.1 --with 'setuptools<81' \
    python -W ignore::UserWarning "$@"
}
for name in tflite_rewriter tflite_infra_validator; do
  run -m grpc_tools.protoc -Itfx_tflite_component/proto=proto --python_out="$out" \
    --pyi_out="$out" --include_source_info --descriptor_set_out="$descriptors/$name.pb" \
    "tfx_tflite_component/proto/$name.proto"
done
run scripts/config_page.py "$descriptors/tflite_rewriter.pb" TFLiteRewriterConfig \
  "$out/docs/config.md"
run scripts/config_page.py "$descriptors/tflite_infra_validator.pb" TFLiteInfraValidatorConfig \
  "$out/docs/infra-validator-config.md"
