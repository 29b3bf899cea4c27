#!/usr/bin/env bash
# Runs a command from this checkout in a Debian trixie root, for what needs a newer glibc or Python
# than this machine has:
#
#   scripts/trixie.sh make test TFX=1.21
#
# The root is made once, under the temporary folder: about two minutes and 1 GB. It keeps what pip
# and uv download. `--check` instead of a command only says whether this machine can do that.
#
# All mounts are in a namespace of this process: they are gone when it ends, however it ends.
set -euo pipefail

checkout=$(cd "$(dirname "$0")/.." && pwd -P)
root=${TMPDIR:-/tmp}/tfx-tflite-trixie
packages=python3,python3-venv,python3-dev,g++,git,make,ca-certificates
settings=(/etc/pip.conf /etc/xdg/pip /etc/uv "$HOME/.pip" "$HOME/.config/pip" "$HOME/.config/uv")

say() { echo "trixie.sh: $*" >&2; }

main() {
  check
  if [ "$*" = --check ]; then return; fi
  if [ -z "${TRIXIE_NAMESPACE-}" ]; then
    TRIXIE_NAMESPACE=1 exec unshare --mount --propagation private "$0" "$@"
  fi
  exec 9>"$root.lock"
  flock 9
  if [ ! -d "$root" ]; then make_root; fi
  # anyone may write to the temporary folder
  if [ ! -O "$root" ]; then say "$root is somebody else's: remove it."; exit 1; fi
  exec 9>&-
  fill_root
  # the variables of this machine go along, such as proxies and indexes
  exec chroot "$root" env --chdir="$checkout" --unset=TMPDIR --unset=TRIXIE_NAMESPACE \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0="$checkout" \
    UV_LINK_MODE=copy "$@"
}

check() {
  local lacks=""
  if [ "$(uname -sm)" != "Linux x86_64" ]; then
    lacks="Linux on x86-64"
  elif [ "$(id -u)" != 0 ]; then
    lacks="root's rights"
  elif ! unshare --mount true 2>/dev/null; then
    lacks="the right to mount"
  elif ! type debootstrap >/dev/null 2>&1 && ! type apt-get >/dev/null 2>&1; then
    lacks="debootstrap"
  fi
  if [ -n "$lacks" ]; then
    say "this needs glibc 2.39 and Python 3.13, or a Debian trixie root, which cannot be made here" \
      "for want of $lacks. Run it as root on Linux with debootstrap, or where glibc and Python are" \
      "that new."
    exit 1
  fi
}

make_root() {
  say "making a Debian trixie root in $root (once, a minute or two)"
  # a root is complete or not there at all
  rm -rf --one-file-system "$root.new"
  if ! { install_debootstrap && bootstrap "$root.new"; } >"$root.log" 2>&1 </dev/null; then
    tail -n 30 "$root.log" >&2
    say "no Debian trixie root could be made; the whole log is $root.log"
    exit 1
  fi
  mv --no-target-directory "$root.new" "$root"
}

install_debootstrap() {
  if ! type apt-get; then return; fi
  apt-get update && { type debootstrap || DEBIAN_FRONTEND=noninteractive apt-get install --yes \
    --no-install-recommends debootstrap debian-archive-keyring; }
}

bootstrap() {
  local proxy=""
  eval "$(apt-config shell proxy Acquire::http::Proxy || true)"
  # what is copied of this machine's /etc may be a link to what the root has not
  http_proxy=${http_proxy-$proxy} debootstrap --variant=minbase --include="$packages" \
    trixie "$1" "$(mirror)" && rm -f "$1/etc/resolv.conf"
}

# The Debian mirror that this machine uses.
mirror() {
  local used
  used=$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 2>/dev/null |
    sed -n 's/^Debian Debian //p' | sort -u | sed -n 1p) || true
  echo "${used:-http://deb.debian.org/debian}"
}

# Mounts in the root what belongs to this machine.
fill_root() {
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  show "$checkout"
  # that of a worktree is elsewhere
  show "$(git -C "$checkout" rev-parse --path-format=absolute --git-common-dir 2>/dev/null || true)"
  local path
  for path in /etc/resolv.conf /etc/hosts /etc/ssl/certs "${settings[@]}"; do show "$path"; done
  named_paths | while read -r path; do
    # the pages of an index link to files beside it
    show "${path%/simple}"
  done
}

# The files and folders that the settings of pip and uv name, such as certificates and wheels.
named_paths() {
  {
    env | grep -E '^(PIP|UV|SSL|REQUESTS|CURL)_' || true
    find "${settings[@]}" -type f -exec cat {} + 2>/dev/null || true
  } | { grep -oE "(^|[ =\"']|file://)/[^ \"']+" || true; } | sed -E 's,^[^/]*(//)?/,/,' | sort -u
}

# Mounts a file or folder of this machine at its own path in the root.
show() {
  [ -e "$1" ] || return 0
  if [ -d "$1" ]; then
    mkdir -p "$root$1"
  else
    mkdir -p "$root$(dirname "$1")"
    touch "$root$1"
  fi
  mount --rbind "$1" "$root$1"
}

main "$@"
