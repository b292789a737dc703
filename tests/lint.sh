#!/usr/bin/env bash
# Checks formatting and runs clang-tidy, here as in continuous integration.
# usage: tests/lint.sh [format|tidy] [FILE...]       without a word both
#   format   clang-format on all sources, or on the FILEs
#   tidy     clang-tidy on the .cpp files that differ from the main branch, on the FILEs instead if there are any, and on
#            main itself on those that its last 20 commits and merges changed; several seconds each. TIDY_SECONDS=N
#            starts no file after N seconds and names those left out.
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

# The commit that sources are compared with. A clone without so many commits gives its oldest.
base_commit() {
  local base
  base=$(git merge-base HEAD origin/main 2>/dev/null || git merge-base HEAD main 2>/dev/null || git rev-parse HEAD)
  if [ "$base" = "$(git rev-parse HEAD)" ]; then base=$(git rev-list --first-parent --max-count=21 HEAD | tail -1); fi
  echo "$base"
}

changed_sources() {
  { git diff --name-only --diff-filter=d "$1" -- '*.cpp'; git ls-files --others --exclude-standard -- '*.cpp'; } | sort -u
}

tidy_file() {
  if [ "$(date +%s)" -ge "$tidy_end" ]; then
    echo "tidy: time is up, not checked: $1"
  else
    clang-tidy-14 --quiet -p build/lint "$1" 2>/dev/null
  fi
}

check_tidy() {
  local checked=("${files[@]}") base
  if [ ${#checked[@]} -eq 0 ]; then
    base=$(base_commit)
    mapfile -t checked < <(changed_sources "$base" | grep -v '^share/')
    echo "tidy: ${#checked[@]} files differ from $(git log -1 --format='%h (%s)' "$base")"
  fi
  if [ ${#checked[@]} -eq 0 ]; then return; fi
  mkdir -p build
  cmake --preset debug -B build/lint -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON >build/lint-configure.log || { cat build/lint-configure.log; return 1; }
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
