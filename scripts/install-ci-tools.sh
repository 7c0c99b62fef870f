#!/usr/bin/env bash
# Debian and npm packages that the marked tests need: Chromium, Firefox and axe-core for pages, Pango for PDF, iproute2 and nftables for hosts in
# network namespaces behind packet filters, and the Solidity compiler that rebuilds the committed artifact.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=()
command -v chromium > /dev/null || missing+=(chromium)
command -v firefox-esr > /dev/null || missing+=(firefox-esr)
command -v ip > /dev/null || missing+=(iproute2)
command -v faketime > /dev/null || missing+=(faketime)
command -v nft > /dev/null || missing+=(nftables)
ldconfig -p | grep -q libpangoft2-1.0.so.0 || missing+=(libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0)
if ((${#missing[@]})); then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" > /dev/null
fi
npm --prefix contracts ci --silent --no-audit --no-fund
npm --prefix tests/npm ci --silent --no-audit --no-fund
