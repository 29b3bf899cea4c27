#!/usr/bin/env bash
# Locks what the environments of a TFX hold, for all Pythons that it runs on:
#
#   scripts/lock.sh 1.21 3.11 3.14 [OPTION OF uv]...
#
# for Python 3.11 up to but without 3.14 writes, with hashes, requirements/tfx-1.21.txt and
# requirements/tensorflow-2.21.txt, which has no TFX; and constraints/tfx-1.21.txt, the same versions
# for `pip install -c`, which takes no hashes.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${UV:-uv}
tfx=$1 first=$2 end=$3
shift 3
lock=requirements/tfx-$tfx.txt
constraints=constraints/tfx-$tfx.txt
system="platform_machine == 'x86_64' and sys_platform == 'linux'"

# uv reads from a project only what a lock has to hold for
project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT
cat >"$project/pyproject.toml" <<END
[tool.uv]
environments = ["$system and python_version >= '$first' and python_version < '$end'"]
END

compile() {
  local output=$1
  shift
  "$uv" pip compile --quiet --project "$project" --universal --fork-strategy fewest \
    --generate-hashes --python-version "$first" \
    --custom-compile-command "make lock TFX=$tfx" --output-file "$output" "$@"
  # what holds for the whole lock need not stand at each of its packages
  sed -i -E "s/ and $system//; s/ ; python_full_version < '$end'( \\\\)?$/\1/" "$output"
}

compile "$lock" "$@" "requirements/tfx-$tfx.in"
mkdir -p constraints
{
  echo "# Made by \`make lock TFX=$tfx\`, for: pip install -c constraints/tfx-$tfx.txt ."
  grep -oE "^[a-z0-9._-]+==[^\\]*[^\\ ]" "$lock"
} >"$constraints"
tensorflow=$(grep -oE "^tensorflow==[0-9]+\.[0-9]+" "$lock")
compile "requirements/tensorflow-${tensorflow#*==}.txt" --constraints "$constraints" \
  requirements/tensorflow-only.in
