#!/bin/sh
# The tree that the container holds, run without a container engine: an empty root with the one file in it.  Two learners
# with nothing in common but the image end with the same bytes, and with those of the program outside.
case $BUILD in *-address | *-thread) echo '0 passed, 0 failed'; exit 0 ;; esac # sanitizers cannot be linked statically
. ./tests/install/lib.inc
if [ "$(id -u)" -eq 0 ]; then enter=chroot
elif unshare -r true 2>/dev/null; then enter='unshare -r chroot'
else echo 'neither root nor user namespaces here'; echo '0 passed, 0 failed'; exit 0; fi
holds image build image
inside() { # root, arguments of matchbox
    r=$1; shift
    env -i PATH="$PATH" $enter "$r" /usr/bin/matchbox "$@"
}
cp -R "$BUILD/image" "$dir/one"
cp -R "$BUILD/image" "$dir/two"
only_one_program() { [ "$(find "$dir/one" -type f -perm -u+x | wc -l)" -eq 1 ] && ! find "$dir/one" -name '*.so*' | grep .; }
train='train ppo cartpole --seed 3 --run /runs/a'
solved() { grep -q 'preset: "cartpole"' "$dir/one/runs/a/config.yaml"; } # found without /proc
holds nothing_else only_one_program
holds first_learner inside "$dir/one" $train
holds preset_found solved
holds second_learner inside "$dir/two" $train
holds outside "$BUILD/matchbox" train ppo cartpole --seed 3 --run "$dir/outside"
newest() { ls -t "$1"/checkpoints/* | head -n 1; }
holds same_bytes cmp "$(newest "$dir/one/runs/a")" "$(newest "$dir/two/runs/a")"
holds same_bytes_as_outside cmp "$(newest "$dir/one/runs/a")" "$(newest "$dir/outside")"
holds evaluates inside "$dir/one" eval /runs/a --episodes 5
png_says_why() { ! inside "$dir/one" plot /runs/a -o /runs/a.png && grep -q 'svg\|library' "$dir/log"; }
holds png_says_why png_says_why
finish
