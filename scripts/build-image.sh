#!/usr/bin/env bash
# Build the Dockerfile where no Docker engine runs and no image hub can be reached:
# a Debian base made by debootstrap, then buildah without privileges of its own.
#   scripts/build-image.sh [TAG] [extra `buildah build` arguments, e.g. --volume /etc/ssl/certs:/etc/ssl/certs:ro]
# With Docker and a hub, `docker build -t wsi-swarm .` does the same.
set -euo pipefail
cd "$(dirname "$0")/.."
tag=${1:-wsi-swarm}
shift || true
base=localhost/wsi-swarm-base
storage=(--storage-driver vfs)
for tool in buildah debootstrap; do
  command -v "$tool" > /dev/null || { echo "build-image: $tool is missing; install Debian's package '$tool'" >&2; exit 6; }
done
if ! buildah "${storage[@]}" images --quiet "$base" > /dev/null 2>&1; then
  root=$(mktemp -d)
  trap 'rm -rf "$root"' EXIT
  debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$root" > "$root.log"
  container=$(buildah "${storage[@]}" from scratch)
  buildah "${storage[@]}" add --quiet "$container" "$root" /
  buildah "${storage[@]}" config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  buildah "${storage[@]}" commit --quiet --rm "$container" "$base"
fi
buildah "${storage[@]}" build --isolation chroot --build-arg BASE="$base" --tag "$tag" "$@" .
