#!/usr/bin/env bash
# Builds the fuzzer with clang and the sanitizers, and runs each reader for some seconds. Ends with a table and status 1
# if there is a finding; its input is in build/fuzz/findings.
# usage: tests/fuzz/run.sh [SECONDS] [TARGET...]      SECONDS for each target (default 60)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
seconds=${1:-60}
shift || true
cmake --preset fuzz > /dev/null
cmake --build --preset fuzz
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=($(grep -oP '^    \{"\K[a-z]+(?=")' tests/fuzz/targets.cpp))
mkdir -p build/fuzz/findings
found=0
for target in "${targets[@]}"; do
  corpus=build/fuzz/corpus/$target
  mkdir -p "$corpus"
  [ ! -d "tests/fuzz/corpus/$target" ] || cp -n tests/fuzz/corpus/"$target"/* "$corpus"
  log=build/fuzz/$target.log
  status=0
  FUZZ_TARGET=$target UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=0 \
    build/fuzz/tests/fuzz/fuzz "$corpus" -max_total_time="$seconds" -rss_limit_mb=4096 -timeout=30 -max_len=65536 \
    -len_control=20 -artifact_prefix=build/fuzz/findings/"$target"- -print_final_stats=1 > "$log" 2>&1 || status=$?
  executions=$(grep -oP 'number_of_executed_units: \K[0-9]+' "$log" || grep -oP '^#\K[0-9]+' "$log" | tail -1 || echo 0)
  if [ "$status" -eq 0 ]; then finding=none; else finding=$(grep -m1 -oP 'SUMMARY: \K.*' "$log" || tail -1 "$log"); found=1; fi
  printf '%-12s %10s executions  %s\n' "$target" "$executions" "$finding"
done
exit $found
