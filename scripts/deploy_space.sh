#!/bin/sh
# Push the last commit to a container Space, which builds its Dockerfile and serves it.
#
#   SPACE_URL=https://HOST/spaces/OWNER/NAME SPACE_TOKEN=... scripts/deploy_space.sh
#   SPACE_URL=... scripts/deploy_space.sh --dry-run     shows what would be pushed
#
# The Space's history is replaced: it holds one commit, with what the image is built from
# and a README with the header that Spaces read. The token is handed to git alone, by the
# environment: it is in no argument, address or file.
set -eu

stop() {
  echo "deploy_space.sh: $1" >&2
  exit 2
}

dry_run=no
case "${1-}" in
  '') ;;
  --dry-run) dry_run=yes ;;
  *) stop "unknown argument \`$1\`; there is only --dry-run" ;;
esac

cd "$(dirname "$0")/.."
git rev-parse --git-dir >/dev/null 2>&1 || stop 'this is no git checkout'
[ -z "$(git status --porcelain)" ] || stop 'the tree has changes: commit or remove them'
[ -n "${SPACE_URL-}" ] || stop 'SPACE_URL is not set: the address of the Space for git'
[ "$dry_run" = yes ] || [ -n "${SPACE_TOKEN-}" ] || stop 'SPACE_TOKEN is not set'

revision=$(git rev-parse HEAD)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What .dockerignore lets in, the Dockerfile and the ignore file itself.
# shellcheck disable=SC2046 - names of the allow-list hold no spaces
git archive "$revision" -- Dockerfile .dockerignore $(sed -n 's/^!//p' .dockerignore) |
  tar -x -C "$work"

cat >"$work/README.new" <<HEADER
---
title: OpenSOC
emoji: 🚨
colorFrom: indigo
colorTo: gray
sdk: docker
app_port: 7860
license: bsd-3-clause
short_description: SOC triage whose truth and reward come from rule files
---

HEADER
cat "$work/README.md" >>"$work/README.new"
mv "$work/README.new" "$work/README.md"

cd "$work"
git init --quiet --initial-branch=main
git add --all
git -c user.name=OpenSOC -c user.email=opensoc@localhost \
  commit --quiet --message "OpenSOC at $revision"

if [ "$dry_run" = yes ]; then
  echo "would push $(git ls-files | wc -l | tr -d ' ') files of $revision to $SPACE_URL:"
  git ls-files
  exit 0
fi
# The first, empty helper drops those that the user has set up.
git -c credential.helper= \
  -c credential.helper='!f() { echo username=opensoc; echo "password=$SPACE_TOKEN"; }; f' \
  push --quiet --force "$SPACE_URL" main
echo "pushed $revision to $SPACE_URL"
