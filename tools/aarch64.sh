#!/bin/sh
# Bits on another processor: builds for aarch64, runs it under qemu-user, and requires the checkpoint of a short training to be
# the very bytes that this machine's builds give.
#   aarch64.sh           needs gcc-aarch64-linux-gnu, qemu-user and libyaml-dev:arm64; exit status 77 where they are not
cd "$(dirname "$0")/.." || exit 2
cc=aarch64-linux-gnu-gcc
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
for tool in $cc qemu-aarch64; do
    command -v $tool >/dev/null 2>&1 || { echo "skipped: $tool is not installed (Debian: gcc-aarch64-linux-gnu, qemu-user)"; exit 77; }
done
echo '#include <yaml.h>
int main(void) { yaml_parser_t p; return !yaml_parser_initialize(&p); }' > "$dir/t.c"
$cc "$dir/t.c" -o "$dir/t" -lyaml 2>/dev/null || { echo 'skipped: no libyaml for arm64 (Debian: dpkg --add-architecture arm64; apt-get install libyaml-dev:arm64)'; exit 77; }
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
{ make -j "$jobs" all && make -j "$jobs" CC=$cc CXX=aarch64-linux-gnu-g++ B=build-aarch64 LDFLAGS=-static all; } >"$dir/log" 2>&1 || { tail -n 20 "$dir/log"; exit 1; }
newest() { ls -t "$1"/checkpoints/* | head -n 1; }
for pair in 'ppo cartpole' 'ppo pendulum' 'ppo breakout'; do
    set -- $pair
    steps=4096
    build/matchbox train "$1" "$2" --seed 3 --preset none --total-steps $steps --run "$dir/here-$2" >"$dir/log" 2>&1 &&
        qemu-aarch64 build-aarch64/matchbox train "$1" "$2" --seed 3 --preset none --total-steps $steps --run "$dir/there-$2" >"$dir/log" 2>&1 ||
        { tail -n 5 "$dir/log"; exit 1; }
    if cmp "$(newest "$dir/here-$2")" "$(newest "$dir/there-$2")"; then echo "$pair: aarch64 gives the same bytes"
    else echo "$pair: aarch64 gives other bytes"; bad=1; fi
done
exit ${bad:-0}
