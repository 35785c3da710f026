#!/bin/sh
# AVX-512 on a machine that has none: boots Debian's kernel in Bochs with a processor that has it, runs static test programs there,
# and requires the checkpoints of short trainings to be the very bytes that this machine's kernels give.
#   avx512.sh [MINUTES] [TEST...]   stops after that many (30); tests as in build/tests, by default some of a fraction of a second
# Needs bochs, bochsbios, vgabios, busybox-static, binutils and a linux-image-*-amd64 in /boot (or KERNEL=FILE); exit status 77
# where they are not.  Everything is hundreds of times slower there (graph/kernels did not end in half an hour), so this is no part of CI.
cd "$(dirname "$0")/.." || exit 2
minutes=${1:-30}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- graph/plan graph/kernels_conv env/vec
kernel=${KERNEL:-$(ls -t /boot/vmlinuz-*amd64 2>/dev/null | head -n 1)}
for tool in bochs-bin busybox as ld; do
    command -v $tool >/dev/null 2>&1 || { echo "skipped: $tool is not installed (Debian: bochs bochsbios vgabios busybox-static binutils)"; exit 77; }
done
[ -r "$kernel" ] || { echo 'skipped: no kernel in /boot (Debian: linux-image-cloud-amd64, or KERNEL=FILE)'; exit 77; }
dir=$(mktemp -d) || exit 1
bochs=
trap '[ -z "$bochs" ] || kill $bochs 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 3' INT TERM

# ---- what runs inside ----
static=build-static-test
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
make -j "$jobs" B=$static LDFLAGS=-static FEATURES= FEATURE_LIBS= tests ONLY="$*" >"$dir/log" 2>&1 || { tail -n 20 "$dir/log"; exit 1; }
root=$dir/root
mkdir -p "$root/bin" "$root/proc" "$root/dev" "$root/sys" "$root/tmp" "$root/tests" "$root/want"
cp "$(command -v busybox)" "$root/bin/busybox"
cp $static/matchbox "$root/bin/"
newest() { ls -t "$1"/checkpoints/* | head -n 1; }
trainings='cartpole pendulum breakout'
train='--seed 3 --preset none --total-steps 2048 --eval-episodes 0 --threads 1'
for env in $trainings; do
    $static/matchbox train ppo $env $train --run "$dir/run-$env" >"$dir/log" 2>&1 || { tail -n 5 "$dir/log"; exit 1; }
    cp "$(newest "$dir/run-$env")" "$root/want/$env"
done
for t in "$@"; do
    mkdir -p "$root/tests/${t%/*}"
    cp "$static/tests/$t" "$root/tests/$t" && strip "$root/tests/$t"
done
strip "$root/bin/matchbox"
{
    echo '#!/bin/busybox sh'
    echo '/bin/busybox --install -s /bin; mount -t proc proc /proc; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp; cd /'
    echo 'echo "processor: $(sed -n "s/^model name[^:]*: //p" /proc/cpuinfo)"'
    echo 'for f in avx512f avx512dq avx512bw avx512vl; do grep -qw $f /proc/cpuinfo || echo "FAIL no $f"; done'
    for env in $trainings; do
        echo "if MATCHBOX_KERNELS=avx512 matchbox train ppo $env $train --run /tmp/$env >/tmp/log 2>&1 && cmp /tmp/$env/checkpoints/*2048.ckpt /want/$env"
        echo "then echo 'ppo $env with avx512: the same bytes'; else cat /tmp/log; echo 'FAIL ppo $env'; fi"
    done
    for t in "$@"; do echo "/tests/$t | tail -n 3; echo '^ $t'"; done
    echo 'echo; echo END; sleep 1; poweroff -f'
} >"$root/init"
chmod +x "$root/init"
(cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$dir/initrd"

# ---- the disk: boot sector, parameters (page 0: the header of the kernel; page 1: its command line), kernel, initial file system ----
byte() { od -An -tu1 -j "$1" -N 1 "$kernel" | tr -d ' '; }
put() { # bytes' position, number of 32 bits
    printf "\\$(printf %o $(($2 & 255)))\\$(printf %o $(($2 >> 8 & 255)))\\$(printf %o $(($2 >> 16 & 255)))\\$(printf %o $(($2 >> 24 & 255)))" |
        dd of="$dir/params" bs=1 seek=$(($1)) conv=notrunc status=none
}
sectors() { echo $((($(stat -c %s "$1") + 511) / 512)); }
memory=512
tail -c +$((($(byte 497) + 1) * 512 + 1)) "$kernel" >"$dir/kernel"
head -c 4096 /dev/zero >"$dir/params"
dd if="$kernel" of="$dir/params" bs=1 skip=497 seek=497 count=$((514 + $(byte 513) - 497)) conv=notrunc status=none
put 0x21c "$(stat -c %s "$dir/initrd")"
put 0x218 0xc000000
put 0x228 0x91000
printf '\377' | dd of="$dir/params" bs=1 seek=$((0x210)) conv=notrunc status=none
printf '\002' | dd of="$dir/params" bs=1 seek=$((0x1e8)) conv=notrunc status=none # two stretches of memory
put 0x2d8 0x9f000
put 0x2e0 1
put 0x2e4 0x100000
put 0x2ec $((memory * 1048576 - 0x100000))
put 0x2f4 1
printf 'console=ttyS0 quiet mitigations=off nokaslr acpi=off tsc=reliable random.trust_cpu=on clearcpuid=321,323\0' >>"$dir/params"
# (321, 323: XSAVEC and XSAVES, whose sizes Bochs 2.7 reports so that the kernel would leave the vector registers off)
truncate -s 8192 "$dir/params"
truncate -s %512 "$dir/kernel" "$dir/initrd"
as --32 --defsym KERNEL="$(sectors "$dir/kernel")" --defsym INITRD="$(sectors "$dir/initrd")" tools/avx512.s -o "$dir/boot.o" &&
    ld -m elf_i386 -Ttext 0x7c00 --oformat binary -o "$dir/boot" "$dir/boot.o" || exit 1
cat "$dir/boot" "$dir/params" "$dir/kernel" "$dir/initrd" >"$dir/disk"
truncate -s $((16 * 63 * 512 * 160)) "$dir/disk"
cat >"$dir/bochsrc" <<END
plugin_ctrl: unmapped=0, biosdev=0, speaker=0, extfpuirq=0, parallel=0, gameport=0
display_library: rfb, options="timeout=0"
cpu: model=corei7_skylake_x, count=1, ips=40000000, reset_on_triple_fault=0
memory: guest=$memory, host=$memory
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=disk, mode=flat, path=$dir/disk, cylinders=160, heads=16, spt=63
boot: disk
com1: enabled=1, mode=file, dev=$dir/serial
log: $dir/bochs.log
clock: sync=none
END
echo c >"$dir/rc" # Debian's Bochs is built with its debugger: continue

# ---- run ----
: >"$dir/serial"
bochs-bin -q -f "$dir/bochsrc" -rc "$dir/rc" >"$dir/out" 2>&1 </dev/null &
bochs=$!
end=$(($(date +%s) + minutes * 60))
while [ "$(date +%s)" -lt $end ] && kill -0 $bochs 2>/dev/null && ! grep -q '^END' "$dir/serial"; do sleep 2; done
tr -d '\r' <"$dir/serial" | grep -v '^\[ '
if ! grep -q '^END' "$dir/serial"; then echo "FAIL not finished: stopped after $minutes minutes, or the emulator ended"; tail -n 3 "$dir/out"; exit 1; fi
! grep -q 'FAIL\|[1-9][0-9]* failed' "$dir/serial"
