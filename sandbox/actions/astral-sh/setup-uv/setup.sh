#!/usr/bin/env bash
# Puts uv on PATH and links the laptop's environments; see action.yml.
set -euo pipefail

uv=$SANDBOX_TOOLCHAIN/.tools/uv/bin/uv
if ! [[ -x $uv ]]; then
    echo "::error::$uv is missing. Run: make -C $SANDBOX_TOOLCHAIN install"
    exit 1
fi
found=$("$uv" --version | cut -d' ' -f2)
if [[ -n $VERSION && $VERSION != "$found" ]]; then
    echo "::error::The workflow wants uv $VERSION, the laptop has $found. Bring bin/install-uv.txt and the workflow in step."
    exit 1
fi
# A folder of its own: beside the laptop's uv lie a python and a pip that the job must not get.
folder=$RUNNER_TEMP/uv
mkdir -p "$folder"
ln -sf "$uv" "$folder/uv"
echo "$folder" >>"$GITHUB_PATH"
echo "uv-path=$folder/uv" >>"$GITHUB_OUTPUT"

# The digest that the Makefile writes into each environment it has installed.
cd "$GITHUB_WORKSPACE"
files=(uv.lock pyproject.toml bin/install-uv.txt .python-version)
digest='import hashlib, sys; print(hashlib.sha256(b"".join(open(name, "rb").read() for name in sys.argv[1:])).hexdigest())'
if ! lock=$(python3 -I -S -c "$digest" "${files[@]}" 2>/dev/null); then
    exit 0
fi
for environment in .venv .tools/policy .tools/sam .tools/sandbox; do
    if [[ $(cat "$SANDBOX_TOOLCHAIN/$environment/.lock" 2>/dev/null) == "$lock" && ! -e $environment ]]; then
        mkdir -p "$(dirname "$environment")"
        ln -s "$SANDBOX_TOOLCHAIN/$environment" "$environment"
        echo "$environment is the laptop's, made from the same lock"
    fi
done
