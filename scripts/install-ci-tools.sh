#!/usr/bin/env bash
# Debian and npm packages that the marked tests need: Chromium for the report, iproute2 and nftables for hosts in
# network namespaces behind packet filters, and the Solidity compiler that rebuilds the committed artifact.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=()
command -v chromium > /dev/null || missing+=(chromium)
command -v ip > /dev/null || missing+=(iproute2)
command -v faketime > /dev/null || missing+=(faketime)
command -v nft > /dev/null || missing+=(nftables)
if ((${#missing[@]})); then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" > /dev/null
fi
npm --prefix contracts ci --silent --no-audit --no-fund
