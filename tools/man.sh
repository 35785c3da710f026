#!/bin/sh
# Writes the manual page from the program's own help, so that it cannot be stale.
#   man.sh PROGRAM VERSION
program=$1 version=$2
verbatim() { sed -e 's/\\/\\e/g' -e "s/^[.']/\\\\\&&/" -e 's/-/\\-/g'; }
commands=$("$program" help | sed -n 's/^  matchbox \([a-z]*\) .*/\1/p') || exit 1
echo ".TH MATCHBOX 1 \"\" \"matchbox $version\" \"User commands\""
echo '.SH NAME'
printf '%s\n' 'matchbox \- reinforcement learning: train, evaluate, play and plot agents'
echo '.SH SYNOPSIS'
echo '.B matchbox'
echo '.I COMMAND'
printf '%s\n' '[\fIargument\fR ...] [\fB\-\-option\fR \fIvalue\fR ...]'
echo '.SH DESCRIPTION'
echo '.nf'
"$program" help 2>&1 | verbatim
echo '.fi'
for c in $commands; do
    text=$("$program" help "$c" 2>/dev/null) || continue
    echo ".SH $(echo "$c" | tr a-z A-Z)"
    echo '.nf'
    printf '%s\n' "$text" | verbatim
    echo '.fi'
done
echo '.SH EXIT STATUS'
echo '0 good; 1 failed; 2 wrong usage or bad input; 3 interrupted, after a checkpoint.'
echo '.SH ENVIRONMENT'
echo '.TP'
echo '.B MATCHBOX_KERNELS'
echo 'avx512, avx2 or plain: the variant of the kernels and environments to use (every one gives the same bytes).'
echo '.TP'
echo '.B MATCHBOX_PRESETS'
echo 'folder of presets to look in first.'
