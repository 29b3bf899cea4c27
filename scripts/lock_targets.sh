#!/usr/bin/env bash
# Locks what each target environment holds, with hashes, in tfx_tflite_component/targets/requirements:
# one file for each name in `environments.py`; and MediaPipe for a test. `make lock-targets` runs it.
#
# One version of NumPy each, without markers: pip evaluates markers for the Python that it runs on, not
# for the one that it installs for.
set -euo pipefail
cd "$(dirname "$0")/../tfx_tflite_component/targets/requirements"
uv=${UV:-uv}

constraints=$(mktemp)
trap 'rm -f "$constraints"' EXIT
# LiteRT requires any version of it; newer ones are for Python 3.10 alone
echo "backports-strenum<1.3" >"$constraints"

options=()
lock() {
  local name=$1 python=$2
  shift 2
  printf '%s\n' "$@" | "$uv" pip compile --quiet --generate-hashes --no-annotate --universal \
    --python-version "$python" --custom-compile-command "make lock-targets" \
    --constraints "$constraints" "${options[@]}" --output-file "$name.txt" -
  echo "$name"
}

for version in 2.8.0 2.9.1 2.10.0 2.11.0 2.12.0 2.13.0 2.14.0; do
  lock "tflite-$version" 3.9 "tflite-runtime==$version" numpy==1.26.4
done
for version in 1.0.1 1.2.0 1.4.0 2.1.6 2.3.0; do
  lock "litert-$version" 3.10 "ai-edge-litert==$version" numpy==2.2.6
done
lock tflite-micro 3.10 tflite-micro==0.dev20261023182759 numpy==2.2.6
lock ethos-u 3.10 ethos-u-vela==5.2.0 numpy==2.2.6

# for a test: without OpenCV and matplotlib, with which MediaPipe only draws
cd ../../../tests/support
options=(--no-deps)
lock mediapipe 3.10 mediapipe==1.2.3 absl-py==2.5.1 certifi==2026.10.19.post1 flatbuffers==25.9.23 numpy==2.2.6
