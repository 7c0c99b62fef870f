#!/usr/bin/env bash
# Everything that the contract is checked with beyond the Python tests: the artifact is rebuilt and compared, forge
# plays unit, fuzz and invariant tests and measures coverage, solhint and slither read the sources.
# Tools come from npm (contracts/package-lock.json) and, for slither alone, which no part of wsi-swarm imports (AGPL),
# from a virtual environment of its own: contracts/out/slither.
set -euo pipefail
cd "$(dirname "$0")/../contracts"
python=${PYTHON:-../.venv/bin/python}
step() { printf '\n-- %s (%s s)\n' "$1" "$SECONDS"; }

step "tools from npm"
npm ls --all > /dev/null 2>&1 || npm ci --silent --no-audit --no-fund
forge=$(ls node_modules/@foundry-rs/forge-*/bin/forge)
mkdir -p out

step "the artifact is what the sources compile to"
node compile.mjs out/Swarm.json
cmp out/Swarm.json artifacts/Swarm.json

step "solhint"
node_modules/.bin/solhint --disc --noPoster --max-warnings 0 '*.sol'

step "forge: unit, fuzz and invariant tests"
"$forge" test --root .

step "forge: coverage"
"$forge" coverage --root . --ir-minimum --no-match-contract InvariantsTest --report lcov --report-file out/lcov.info > out/coverage.log 2>&1 ||
  { tail -n 40 out/coverage.log; exit 1; }
awk -F: -v least=95 '
  $1 == "SF" { name = $2 } $1 == "LF" { lines = $2 } $1 == "LH" { hit = $2 } $1 == "BRF" { branches = $2 } $1 == "BRH" { taken = $2 }
  $1 == "end_of_record" && name !~ "/" {
    printf "%-12s lines %3d/%d  branches %3d/%d\n", name, hit, lines, taken, branches
    if (100 * hit < least * lines) low = 1
  }
  END { exit low }' out/lcov.info

step "slither"
[ -x out/slither/bin/slither ] || { "$python" -m venv out/slither && out/slither/bin/pip install --quiet slither-analyzer==0.11.6; }
# It asks forge for its configuration wherever there is a foundry.toml. What it reports above "informational" is explained
# beside the code; deadlines compare block.timestamp in many places, so that detector is left out as a whole (see Runs.sol).
PATH="$PWD/$(dirname "$forge"):$PATH" out/slither/bin/slither Swarm.sol --compile-force-framework solc --solc ./solc.mjs \
  --solc-remaps "@openzeppelin/=node_modules/@openzeppelin/" --filter-paths node_modules \
  --exclude timestamp --exclude-informational --exclude-optimization --fail-low
