#!/bin/sh
# Make a Chromium and a Firefox available to the browser tests: those that are there, Debian's, or ones in .setup.
set -eu
missing=""
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 ||
  command -v google-chrome >/dev/null 2>&1 || missing="chromium fonts-inter"
command -v firefox-esr >/dev/null 2>&1 || command -v firefox >/dev/null 2>&1 || missing="$missing firefox-esr"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086 # several names
  apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1 && exit 0
  apt-get update -q >/dev/null
  # shellcheck disable=SC2086
  apt-get install -y -q --no-install-recommends $missing >/dev/null
  exit 0
fi
case "$missing" in *chromium*) .venv/bin/playwright install chromium ;; esac
case "$missing" in
  # Mozilla's own build: Playwright's Firefox is a changed one.
  *firefox*) npx --yes @puppeteer/browsers@3.2.6 install firefox@stable --path .setup/firefox ;;
esac
