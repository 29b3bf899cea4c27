#!/usr/bin/env bash
# Makes an environment, or brings it up to date with its lock:
#
#   scripts/install.sh FOLDER TFX PLACE PYTHON
#
# with the three words of scripts/environment.sh. What an attempt that failed has left is replaced;
# FOLDER/.ready is there when the environment is complete.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1 tfx=$2 place=$3 python=$4
bin=$folder/bin
lock=requirements/tfx-$tfx.txt
log=$folder/install.log
# the environment and what is unpacked meanwhile, in kB
needed=4200000

fail() {
  echo "$*" >&2
  exit 1
}

# Runs a command, and says what stopped the installation if it fails.
step() {
  "$@" >"$log" 2>&1 && return
  tail -n 5 "$log" | cut -c 1-300 >&2
  if grep -qE "[Cc]onnect|[Rr]esolve|[Rr]etry|timed out|No matching distribution|dns" "$log"; then
    fail "The package index cannot be reached, see above. Check the network and the proxy" \
      "(HTTPS_PROXY), or name a mirror with PIP_INDEX_URL and UV_DEFAULT_INDEX, and run the same" \
      "command again: it starts over by itself."
  elif grep -q "No space left" "$log"; then
    fail "The disk is full: $folder takes 3.1 GB. Make room, such as by \`make clean\`, and run the" \
      "same command again."
  fi
  fail "$folder could not be installed, see above and $log. Run the same command again, after" \
    "\`make clean\` if it fails again."
}

check_room() {
  local free
  free=$(df -Pk . | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$needed" ] || fail "There is not enough room for $folder in $PWD: it takes 3.1" \
    "GB, 4.2 GB while it is installed, and $((free / 1000000)) GB are free. Make room there."
}

make_folder() {
  check_room
  if [ "$place" = uv ]; then
    echo "Downloading Python $python" >&2
    python=$(uv python install --quiet "$python" && uv python find "$python") || {
      scripts/environment.sh --explain "$tfx"
      exit 1
    }
  fi
  "$python" -m venv --clear "$folder" ||
    fail "$python cannot make a virtual environment, see above. Name another with PYTHON=."
}

echo "Installing TFX $tfx and this package into $folder (3.1 GB, once, a minute or more)" >&2
if [ ! -e "$folder/.ready" ] || ! "$bin/python" -c "import pip" 2>/dev/null; then make_folder; fi
step "$bin/python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 15 \
  "$(grep -o '^uv==[^ ]*' "$lock")"
step "$bin/uv" pip sync --quiet --require-hashes --python "$bin/python" "$lock"
# setuptools writes to the checkout, where another environment may be installed at the same time
step flock setup.cfg "$bin/uv" pip install --quiet --no-deps --no-build-isolation \
  --python "$bin/python" --editable .
touch "$folder/.ready"
