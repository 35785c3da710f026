#!/bin/sh
# The MuJoCo environments on the very library that made their reference: the test of tests/env/mujoco.c, built against the
# headers of the PyPI wheel, with its libmujoco.  Skipped where the wheel cannot be had within a minute; MUJOCO_WHEEL names a
# folder that holds it unpacked (mujoco/include, mujoco/libmujoco.so.2.3.7).
version=2.3.7
case $BUILD in *-address | *-thread) echo '0 passed, 0 failed'; exit 0 ;; esac # the library is linked with their run-time
skip() { echo "skipped: $1"; echo '0 passed, 0 failed'; exit 0; }
get() { sed -n "s/^$1 := *//p" "$BUILD/features.mk"; }
get FEATURES | grep -q MB_HAVE_MUJOCO || skip 'built without MuJoCo'
wheel=${MUJOCO_WHEEL:-$BUILD/mujoco-wheel}
if ! [ -f "$wheel/mujoco/libmujoco.so.$version" ]; then
    command -v python3 >/dev/null && command -v timeout >/dev/null || skip 'no python3 to get the wheel with'
    mkdir -p "$wheel" && timeout 60 python3 -m pip download -q --no-deps --only-binary=:all: --python-version 3.11 -d "$wheel" \
        mujoco==$version >"$wheel/log" 2>&1 || skip "the wheel of mujoco $version cannot be had"
    python3 -m zipfile -e "$wheel"/mujoco-$version-*.whl "$wheel" || skip 'the wheel is not for this machine'
    [ -f "$wheel/mujoco/libmujoco.so.$version" ] || skip 'the wheel is not for this machine'
fi
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
for f in $(grep -l '"env/mujoco_world.h"' src/env/*.c) tests/env/mujoco.c; do # whatever sees MuJoCo's structs
    ${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -ffp-contract=off -DMB_HAVE_MUJOCO=1 -I"$wheel/mujoco/include" -Iinclude -Isrc -Itests -c $f \
        -o "$dir/$(echo $f | tr / -).o" || { echo "FAIL $f does not compile"; echo '0 passed, 1 failed'; exit 1; }
done
# its objects come first, so those of the library that were built for another version stay out
${CC:-cc} -o "$dir/test" "$dir"/*.o "$BUILD/libmatchbox.a" $(get FEATURE_LIBS) $(get YAML_LIBS) -lm -ldl -pthread ||
    { echo 'FAIL the test does not link'; echo '0 passed, 1 failed'; exit 1; }
LD_LIBRARY_PATH=$wheel/mujoco MUJOCO_EXACT=1 "$dir/test"
