#!/bin/sh
# usage: fuzz.sh SECONDS [TARGET...]   Run each fuzz target that long, two at a time, then see that it finds the bug
# planted for it. Prints executions and lines covered; the last line counts. New inputs stay in build-fuzz/found.
cd "$(dirname "$0")/.." || exit 1
seconds=${1:-60}
[ $# -gt 0 ] && shift
build=build-fuzz
[ -f $build/build.ninja ] || CC=clang-14 meson setup $build -Dfuzz=true \
    -Db_lundef=false -Dwerror=false -Dc_args='-fprofile-instr-generate -fcoverage-mapping' \
    -Dc_link_args=-fprofile-instr-generate || exit 1
targets=${*:-$(ls tests/fuzz/fuzz_*.c | sed 's,.*/fuzz_,,; s,\.c$,,')}
for name in $targets; do
    ninja -C $build tests/fuzz/fuzz_$name tests/fuzz/fuzz_${name}_planted || exit 1
done
mkdir -p $build/found

fuzz_one() { # target
    mkdir -p $build/found/$1
    LLVM_PROFILE_FILE=$build/$1.profraw $build/tests/fuzz/fuzz_$1 -max_total_time=$seconds -timeout=10 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix=$build/$1- $build/found/$1 tests/fuzz/corpus/$1 \
        >$build/$1.log 2>&1 || { echo "fuzz_$1: FOUND SOMETHING"; tail -40 $build/$1.log; return 1; }
    llvm-profdata-14 merge -o $build/$1.prof $build/$1.profraw
    echo "fuzz_$1: $(sed -n 's/^stat::number_of_executed_units: *//p' $build/$1.log) executions in $seconds s;" \
        "lines covered of what it calls:"
    llvm-cov-14 report $build/tests/fuzz/fuzz_$1 -instr-profile=$build/$1.prof 2>/dev/null |
        awk '/\.c / && $9 > 0 && $10 != "0.00%" { printf "  %s %s\n", $1, $10 }'
    LLVM_PROFILE_FILE=/dev/null timeout 600 $build/tests/fuzz/fuzz_${1}_planted -max_total_time=500 \
        -artifact_prefix=$build/planted-$1- $build/found/$1 tests/fuzz/corpus/$1 >$build/$1-planted.log 2>&1 &&
        { echo "fuzz_${1}_planted: did NOT find the bug planted for it"; return 1; }
    echo "fuzz_${1}_planted: finds the planted bug"
}

passed=0 failed=0 pids=
for name in $targets; do
    fuzz_one "$name" & pids="$pids $!"
    set -- $pids
    if [ $# -ge "${JOBS:-$(nproc)}" ]; then
        if wait "$1"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
        shift
        pids="$*"
    fi
done
for pid in $pids; do
    if wait "$pid"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
