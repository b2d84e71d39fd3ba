#!/bin/sh
# Checks the SARIF that a sekisho writes with Microsoft's SARIF multitool, as GitHub would read it.
#
# usage: tests/sarif-multitool.sh BINARY DIRECTORY
#
# 1. Every profile is validated with the rules for SARIF and for GitHub; a GH*, JSON* or SARIF1* result fails the check.
#    The multitool ends with 0 whatever it finds and does not print these, so its own output is read.
# 2. Each primaryLocationLineHash of the tree is compared with the one that the multitool computes.
#
# Needs node and npm on Linux, and a network the first time: the multitool is installed into a cache folder
# ($SEKISHO_TEST_CACHE, else ~/.cache/sekisho-tests).
set -eu

# .NET looks for the ICU library otherwise, which a bare machine lacks.
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1

VERSION=5.7.0

if [ $# -ne 2 ] || [ ! -x "$1" ] || [ ! -d "$2" ]; then
    echo "usage: $0 BINARY DIRECTORY" >&2
    exit 2
fi
binary=$1
tree=$(cd "$2" && pwd -P)

cache=${SEKISHO_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sekisho-tests}/sarif-multitool-$VERSION
multitool=$cache/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool
if [ ! -f "$multitool" ]; then
    mkdir -p "$cache"
    npm install --prefix "$cache" --ignore-scripts --no-audit --no-fund --loglevel=error \
        "@microsoft/sarif-multitool-linux@$VERSION"
fi
chmod u+x "$multitool"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

failed=0
for profile in sarif sarif:history sarif:full; do
    name=$(printf %s "$profile" | tr : -)
    status=0
    "$binary" scan --format "$profile" --reproducible "$tree" >"$work/$name.sarif" || status=$?
    case $status in
    0 | 1 | 3) ;;
    *)
        echo "$profile: the scan ended with $status" >&2
        exit 1
        ;;
    esac
    "$multitool" validate "$work/$name.sarif" --rule-kind "Sarif;Ghas" --level "Error;Warning" --kind Fail \
        --output "$work/$name.out.sarif" --log ForceOverwrite >"$work/$name.log" 2>&1 || {
        cat "$work/$name.log" >&2
        exit 1
    }
    node - "$work/$name.out.sarif" "$profile" <<'JS' || failed=1
const [file, profile] = process.argv.slice(2);
const log = JSON.parse(require("fs").readFileSync(file, "utf8").replace(/^\ufeff/, ""));
const bad = log.runs[0].results.filter((result) => /^(GH|JSON|SARIF1)/.test(result.ruleId));
for (const result of bad) console.error(`${profile}: ${result.ruleId} ${JSON.stringify(result.message)}`);
console.log(`${profile}: ${bad.length} errors`);
process.exitCode = bad.length ? 1 : 0;
JS
done

# The multitool computes a hash only where there is none, and only if it knows where the files are.
node - "$work/sarif.sarif" "$tree" "$work/bare.sarif" <<'JS'
const fs = require("fs");
const [file, tree, bare] = process.argv.slice(2);
const log = JSON.parse(fs.readFileSync(file, "utf8"));
const run = log.runs[0];
run.originalUriBaseIds["%SRCROOT%"] = { uri: require("url").pathToFileURL(tree + "/").href };
for (const result of run.results) {
  delete result.partialFingerprints;
  delete result.relatedLocations;
}
fs.writeFileSync(bare, JSON.stringify(log));
JS
"$multitool" rewrite "$work/bare.sarif" --insert RollingHashPartialFingerprints --output "$work/hashed.sarif" \
    --log ForceOverwrite >"$work/rewrite.log" 2>&1 || {
    cat "$work/rewrite.log" >&2
    exit 1
}
node - "$work/sarif.sarif" "$work/hashed.sarif" "$tree" <<'JS' || failed=1
const fs = require("fs");
const path = require("path");
const [ours, theirs, tree] = process.argv.slice(2);
const results = (file) => JSON.parse(fs.readFileSync(file, "utf8").replace(/^\ufeff/, "")).runs[0].results;
const place = (result) => {
  const at = result.locations[0].physicalLocation;
  return [at.artifactLocation.uri, at.region.startLine];
};
const hash = (result) => (result.partialFingerprints || {}).primaryLocationLineHash;
// The multitool leaves a byte order mark out of the hash, GitHub's upload step does not.
const hasMark = (uri) => {
  try {
    return fs.readFileSync(path.join(tree, decodeURIComponent(uri))).subarray(0, 3).toString("hex") === "efbbbf";
  } catch {
    return false;
  }
};
const expected = results(theirs);
let compared = 0, wrong = 0;
results(ours).forEach((result, i) => {
  const [uri, line] = place(result);
  if (String(place(expected[i])) !== String([uri, line])) throw new Error("the multitool changed the order");
  if (!hash(expected[i]) || hasMark(uri)) return;
  compared += 1;
  if (hash(result) !== hash(expected[i])) {
    wrong += 1;
    console.error(`${uri}:${line}: ${hash(result)} should be ${hash(expected[i])}`);
  }
});
console.log(`line hashes: ${compared} compared, ${wrong} wrong`);
process.exitCode = wrong || !compared ? 1 : 0;
JS
exit $failed
