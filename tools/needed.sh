#!/bin/sh
# Libraries: the program needs only small ones, so that it starts in a millisecond and runs where others are missing.
# What brings further libraries along is loaded when a feature first needs it (mb_library_load).
#   needed.sh PROGRAM...
small='libc libm libdl libpthread librt libyaml-0 libsqlite3 libjansson libpcre2-8 libutf8proc libgcc_s linux-vdso ld-linux-x86-64 ld-linux-aarch64'
command -v ldd >/dev/null || { echo 'no ldd here'; exit 77; }
bad=0
for program; do
    for lib in $(ldd "$program" | awk '{ n = $1; sub(/.*\//, "", n); sub(/\.so.*/, "", n); print n }'); do
        case " $small " in *" $lib "*) ;; *)
            echo "$program is linked with $lib"
            echo "    mend: load it with mb_library_load (matchbox/core.h) where it is needed"; bad=1 ;;
        esac
    done
done
exit $bad
