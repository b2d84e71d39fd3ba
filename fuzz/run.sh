#!/usr/bin/env bash
# Fuzzes each target for a while, beginning with the inputs that are kept in fuzz/corpus. What a run finds goes to a folder
# that is thrown away; an input that fails stays in fuzz/artifacts.
#
# Usage: fuzz/run.sh [SECONDS] [TARGET...]     (60 seconds and all targets)
#
# Runs on a stable toolchain: without a sanitizer cargo-fuzz needs nothing else, and there is no unsafe code to look into.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-60}
shift || true
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || mapfile -t targets < <(sed -n 's/^path = "fuzz_targets\/\(.*\)\.rs"/\1/p' Cargo.toml)

cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
cargo fuzz build --sanitizer none

# Many small files are made and thrown away: in memory, where there is a place for that.
found=$(TMPDIR=$([[ -w /dev/shm ]] && echo /dev/shm || echo "${TMPDIR:-/tmp}") mktemp -d)
trap 'rm -rf "$found"' EXIT
for target in "${targets[@]}"; do
    printf '\n--- %s for %d s\n' "$target" "$seconds"
    mkdir -p "$found/$target" "corpus/$target"
    # Inputs are small on purpose: what is to be found lies in how few bytes stand, not in how many.
    TMPDIR=$found cargo fuzz run --sanitizer none "$target" "$found/$target" "corpus/$target" -- \
        -max_total_time="$seconds" -max_len=4096 -len_control=0 -timeout=60 -rss_limit_mb=4096 \
        -verbosity=0 -print_final_stats=1
done
