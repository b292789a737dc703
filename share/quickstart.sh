#!/usr/bin/env bash
# From a fresh checkout to a trained cascade: installs the Debian packages that are missing, builds, draws a dataset,
# trains two networks with a policy between them, and shows what the cascade saves against each network alone.
# usage: share/quickstart.sh [FOLDER]      the files go to FOLDER (default build/quickstart)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
folder=$(realpath -m "${1:-$root/build/quickstart}")
source "$root/share/packages.sh"
install_packages "${build_packages[@]}"

cd "$root"
cmake --preset release -DCASCADECL_TESTS=OFF
cmake --build --preset release

mkdir -p "$folder"
cd "$folder"
# Every command is shown as one would type it.
cascadecl() {
  echo
  echo "\$ cascadecl $*"
  "$root/build/release/cascadecl" "$@"
}
started=$SECONDS
cascadecl devices
cascadecl data generate -o shapes.h5 --train 8000 --test 2000
cascadecl info --stages resnet-8,resnet-20
cascadecl train --config "$root/share/configs/quickstart.cfg" --data shapes.h5 -o shapes-model.h5
cascadecl eval shapes-model.h5 --data shapes.h5 --static
cascadecl predict shapes-model.h5 --data shapes.h5 -o predictions.h5
echo
echo "done in $((SECONDS - started)) s after the build; the files are in $folder"
