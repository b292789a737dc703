#!/usr/bin/env bash
# Checks formatting and runs clang-tidy, here as in continuous integration.
# usage: tests/lint.sh [format|tidy] [FILE...]       without a word both
#   format   clang-format on all sources, or on the FILEs
#   tidy     clang-tidy on the .cpp files that differ from the main branch (on main: from the commit before), or on the
#            FILEs; several seconds each. TIDY_SECONDS=N starts no file after N seconds and names those left out.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
source "$root/share/packages.sh"
what=all
case "${1:-}" in
  format | tidy) what=$1; shift ;;
esac
files=()
if [ $# -gt 0 ]; then mapfile -t files < <(realpath --relative-to="$root" "$@"); fi
cd "$root"

check_format() {
  local checked=("${files[@]}")
  if [ ${#checked[@]} -eq 0 ]; then mapfile -t checked < <(git ls-files '*.cpp' '*.h' '*.cl'); fi
  echo "format: ${#checked[@]} files"
  clang-format-14 --dry-run --Werror "${checked[@]}"
}

changed_sources() {
  local head base
  head=$(git rev-parse HEAD)
  base=$(git merge-base HEAD origin/main 2>/dev/null || git merge-base HEAD main 2>/dev/null || echo "$head")
  if [ "$base" = "$head" ]; then base=$(git rev-parse --verify -q HEAD~1 || echo "$head"); fi
  { git diff --name-only --diff-filter=d "$base" -- '*.cpp'; git ls-files --others --exclude-standard -- '*.cpp'; } | sort -u
}

tidy_file() {
  if [ "$(date +%s)" -ge "$tidy_end" ]; then
    echo "tidy: time is up, not checked: $1"
  else
    clang-tidy-14 --quiet -p build/debug "$1" 2>/dev/null
  fi
}

check_tidy() {
  local checked=("${files[@]}")
  if [ ${#checked[@]} -eq 0 ]; then mapfile -t checked < <(changed_sources | grep -v '^share/'); fi
  echo "tidy: ${#checked[@]} files"
  if [ ${#checked[@]} -eq 0 ]; then return; fi
  mkdir -p build
  cmake --preset debug >build/lint-configure.log || { cat build/lint-configure.log; return 1; }
  tidy_end=$(($(date +%s) + ${TIDY_SECONDS:-86400}))
  export tidy_end
  export -f tidy_file
  printf '%s\n' "${checked[@]}" | xargs -P "$(nproc)" -I{} bash -c 'tidy_file {}'
}

case $what in
  format) install_packages "${lint_packages[@]}" && check_format ;;
  tidy) install_packages "${build_packages[@]}" "${test_packages[@]}" "${lint_packages[@]}" && check_tidy ;;
  all) install_packages "${build_packages[@]}" "${test_packages[@]}" "${lint_packages[@]}" && check_format && check_tidy ;;
esac
