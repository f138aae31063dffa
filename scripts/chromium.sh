#!/usr/bin/env bash
# Makes sure of Debian's Chromium and of fonts that hold Arabic, for the browser tests.
set -euo pipefail

if [ -x /usr/bin/chromium ] && [ -d /usr/share/fonts/truetype/noto ]; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Error: the browser tests need Debian's chromium and fonts-noto-core: install them as root." >&2
    exit 1
fi
echo "Installing Chromium."
apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends chromium fonts-noto-core >/dev/null
