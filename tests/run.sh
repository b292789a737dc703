#!/usr/bin/env bash
# Installs the Debian packages that are missing, builds and runs all tests; ctest's summary ends the output.
# usage: tests/run.sh [PRESET] [ctest flags]      PRESET: release (default), debug or asan
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
preset=release
case "${1:-}" in
  release | debug | asan) preset=$1; shift ;;
esac
source "$root/share/packages.sh"
install_packages "${build_packages[@]}" "${test_packages[@]}"

cd "$root"
cmake --preset "$preset" -DCASCADECL_TESTS=ON
cmake --build --preset "$preset"
exec ctest --preset "$preset" "$@"
