#!/bin/sh
# What `make install` leaves is enough: the example is built through pkg-config alone, trains, and learns; the installed
# program runs from its new place; uninstall leaves nothing.
case $BUILD in *-address | *-thread) echo '0 passed, 0 failed'; exit 0 ;; esac # the user's compiler would need the same flags
. ./tests/install/lib.inc
cc=${CC:-cc}
install() { build DESTDIR="$dir/root" "$1"; }
holds install install install
export PKG_CONFIG_PATH="$dir/root/usr/lib/pkgconfig" LD_LIBRARY_PATH="$dir/root/usr/lib"
flags() { # pkg-config where it is installed; what it would say otherwise
    pkg-config "$@" matchbox 2>/dev/null && return
    for want in "$@"; do
        case $want in --cflags) echo "-I$dir/root/usr/include" ;; --libs) echo "-L$dir/root/usr/lib -lmatchbox" ;; esac
    done
}
cp "$tree/examples/train_own_env/main.c" "$dir/main.c"
cd "$dir" || exit 1
holds compile_shared $cc -std=c11 -Wall -Wextra -Wno-unused-parameter -Werror main.c $(flags --cflags --libs) -o drone
holds run_shared ./drone
mean=$(./drone | sed -n 's/^mean return \([0-9.]*\) of.*/\1/p')
holds learns awk -v mean="${mean:-0}" 'BEGIN { print "mean return " mean; exit !(mean >= 180) }'
static=$(flags --static --libs | sed 's|-lmatchbox|-l:libmatchbox.a|')
case $static in *-lyaml*) ;; *) static="$static -lyaml -lm -ldl -pthread" ;; esac
holds compile_static $cc -std=c11 main.c $(flags --cflags) $static -o drone_static
holds run_static env LD_LIBRARY_PATH= ./drone_static
holds program "$dir/root/usr/bin/matchbox" list envs
holds presets test -f "$dir/root/usr/share/matchbox/presets/ppo/cartpole.yaml"
holds manual grep -q '^.SH EXIT STATUS' "$dir/root/usr/share/man/man1/matchbox.1"
holds uninstall install uninstall
holds nothing_left test -z "$(find "$dir/root" -type f -o -type l)"
finish
