#!/bin/sh
# Make a Chromium available to the browser tests: the one that is there, Debian's, or Playwright's own.
set -eu
if command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 ||
   command -v google-chrome >/dev/null 2>&1; then
  exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -q --no-install-recommends chromium fonts-inter >/dev/null 2>&1 && exit 0
  apt-get update -q >/dev/null
  apt-get install -y -q --no-install-recommends chromium fonts-inter >/dev/null
  exit 0
fi
.venv/bin/playwright install chromium
