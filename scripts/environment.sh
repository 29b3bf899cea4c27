#!/usr/bin/env bash
# Chooses where `make` works: a TFX, and a Python that it runs on.
#
#   scripts/environment.sh [TFX]
#
# prints three words: the TFX (1.16 or 1.21; if none is named, the first that fits), the place and
# the Python:
#
#   1.16 here /usr/bin/python3.10     this machine
#   1.21 trixie -                     a Debian trixie root, see scripts/trixie.sh
#   1.16 uv 3.10                      this machine, with a Python that uv downloads
#   none - -                          nothing fits
#
# With `--explain` before the TFX, it prints what can be done if nothing fits. The variable PYTHON,
# if it is not empty, is the only Python to consider.
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A pythons=([1.16]="3.10 3.11" [1.21]="3.13 3.12 3.11")
# what the wheels of TFX and its libraries need
declare -A glibcs=([1.16]=2.28 [1.21]=2.39)
declare -A folders=([1.16]=.venv [1.21]=.venv-1.21)

main() {
  if [ "${1-}" = --explain ]; then
    explain "${2-}"
    return
  fi
  local tfx
  for tfx in ${1:-1.16 1.21}; do here "$tfx" && return; done
  for tfx in ${1:-1.21 1.16}; do elsewhere "$tfx" && return; done
  echo "none - -"
}

here() {
  can_run_wheels "$1" || return 1
  local version python installed=${folders[$1]}
  if [ -z "${PYTHON-}" ] && [ -e "$installed/.ready" ] && "$installed/bin/python" -c "" 2>/dev/null
  then
    echo "$1 here $installed/bin/python"
    return
  fi
  for version in ${pythons[$1]}; do
    if python=$(python_of "$version"); then
      echo "$1 here $python"
      return
    fi
  done
  return 1
}

elsewhere() {
  if [ "$1" = 1.21 ] && [ -z "${PYTHON-}" ] && scripts/trixie.sh --check 2>/dev/null; then
    echo "1.21 trixie -"
  elif can_run_wheels "$1" && [ -z "${PYTHON-}" ] && type uv >/dev/null 2>&1; then
    echo "$1 uv ${pythons[$1]%% *}"
  else
    return 1
  fi
}

can_run_wheels() {
  local found
  [ -n "${glibcs[$1]-}" ] && [ "$(uname -sm)" = "Linux x86_64" ] || return 1
  found=$(getconf GNU_LIBC_VERSION 2>/dev/null) || return 1
  printf 'glibc %s\n%s\n' "${glibcs[$1]}" "$found" | sort -VC
}

# The path of the Python of a version that can make virtual environments.
python_of() {
  # pyenv's commands run the version named here, whatever .python-version says
  PYENV_VERSION=$1 "${PYTHON:-python$1}" -c "
import sys, ensurepip
if '%d.%d' % sys.version_info[:2] != '$1':
    sys.exit(1)
print(sys.executable)" 2>/dev/null
}

explain() {
  local asked=${1:+ $1}
  cat >&2 <<END
No environment for TFX${asked} can be made on this machine: $(uname -sm), $(getconf GNU_LIBC_VERSION 2>/dev/null || echo "no glibc"),
${PYTHON:+PYTHON=$PYTHON, }Pythons that make virtual environments: $(found_pythons). What works, on Linux on x86-64:

  TFX 1.16   Python 3.10 or 3.11 with its venv module: install it (Debian and Ubuntu: python3.11 and
             python3.11-venv), or name it with PYTHON=/path/to/python3.11
  TFX 1.21   Python 3.11, 3.12 or 3.13 with its venv module, where glibc is 2.39 or newer (Debian 13,
             Ubuntu 24.04)
  either     uv (https://docs.astral.sh/uv), which downloads a Python for TFX 1.16, or, with that
             glibc, for TFX 1.21
  TFX 1.21   root's rights and debootstrap or apt-get, for a Debian trixie root

Each takes 3.1 GB of disk. \`make TFX=1.16 ...\` and \`make TFX=1.21 ...\` choose one of the two.

Without TFX, the command line and the Python functions work with Python 3.10 to 3.13 and glibc 2.28 or
newer, but no pipeline, and none of \`make\`'s commands. It takes 2.0 GB; see docs/install.md:

  pip install --no-deps --require-hashes -r requirements/tensorflow-2.21.txt
                                                     (Python 3.10: tensorflow-2.16.txt)
  pip install --no-deps .
END
}

found_pythons() {
  local version found=""
  for version in 3.10 3.11 3.12 3.13; do
    if python_of "$version" >/dev/null; then found="$found${found:+, }$version"; fi
  done
  echo "${found:-none of 3.10 to 3.13}"
}

main "$@"
