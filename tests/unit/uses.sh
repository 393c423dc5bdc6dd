#!/bin/sh
# Prints the objects that a unit test links: its source says "uses: probe/packet probe/role".
# Modules of proto/ are linked always.
set -eu
sed -n 's|.*\buses: ||p' "$1" | tr ' ' '\n' | sed -n "s|^\([a-z_]*/[a-z_]*\)\$|$2/\1.o|p"
