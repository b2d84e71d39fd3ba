#!/usr/bin/env bash
# Scans whole histories along the deltas of their packs and blob by blob, and compares the reports byte for byte.
# usage: compare-engines.sh SEKISHO REPOSITORY...     prints a line for each repository and scope; ends with 1 if any differ
set -euo pipefail
sekisho=${1:?the binary}
shift
(($# > 0)) || { sed -n '2,3p' "$0"; exit 2; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
status=0

# Runs a scan and gives its time in seconds; only findings (1) and incompleteness (3) are no failures.
timed() {
    local report=$1 begin=$EPOCHREALTIME code=0
    shift
    "$sekisho" scan --no-tree --reproducible -q -o "json=$report" "$@" >/dev/null || code=$?
    ((code == 0 || code == 1 || code == 3)) || { echo "a scan ended with $code: $*" >&2; exit 1; }
    awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }'
}

printf '| %-28s | %-11s | %8s | %9s | %9s | %7s | %s\n' repository scope blobs findings deltas plain same
for repository; do
    name=$(basename "$(dirname "$(realpath "$repository")")")
    [[ $(basename "$repository") == repo ]] || name=$(basename "$repository")
    for scope in all-objects reachable; do
        deltas=$(timed "$out/deltas.json" --history=$scope "$repository")
        plain=$(timed "$out/plain.json" --plain-history --history=$scope "$repository")
        same=yes
        cmp -s "$out/deltas.json" "$out/plain.json" || { same=NO; status=1; }
        blobs=$(sed -n 's/^ *"blobs": \([0-9]*\).*/\1/p' "$out/deltas.json" | head -n 1)
        findings=$(grep -c '"fingerprint"' "$out/deltas.json" || true)
        printf '| %-28s | %-11s | %8s | %9s | %7s s | %5s s | %s\n' "$name" $scope "$blobs" "$findings" "$deltas" "$plain" $same
    done
done
exit $status
