#!/bin/sh
# quickstart on a machine that lacks things: it names them with the reason, and never goes on without them.
passed=0 failed=0
bin=$(mktemp -d) || exit 1
trap 'rm -rf "$bin"' EXIT
for t in dirname mktemp rm grep id mkdir sed date tail; do ln -s "$(command -v $t)" "$bin/$t"; done
says() { # name, text, command...
    name=$1 text=$2; shift 2
    out=$("$@" 2>&1); r=$?
    if [ $r -eq 1 ] && printf '%s\n' "$out" | grep -qF -- "$text"; then passed=$((passed + 1))
    else failed=$((failed + 1)); printf 'status %s, no "%s" in: %s\nFAIL %s\n' "$r" "$text" "$out" "$name"; fi
}
bare="env -i PATH=$bin HOME=/nonexistent CC=$bin/cc /bin/sh ./quickstart"
says missing_compiler 'gcc, libc6-dev  a C compiler' $bare test
says missing_make 'make            runs the build' $bare test
says not_debian 'neither Debian nor Ubuntu' $bare
# an ordinary user without sudo is told what root has to type
printf '#!/bin/sh\necho 1000\n' > "$bin/user"; chmod +x "$bin/user"; rm "$bin/id"; mv "$bin/user" "$bin/id"
printf '#!/bin/sh\nexit 1\n' > "$bin/apt-get"; chmod +x "$bin/apt-get"
says no_root 'as root: apt-get update && apt-get install --no-install-recommends gcc libc6-dev make' $bare
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
