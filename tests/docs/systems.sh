#!/bin/sh
# The ledger: 291 rows with sound pages, experiments and commands; a row works only with a stored verdict that follows from its values.
self=tests/docs/systems.sh
. ./tests/cli/lib.inc

# a copy whose rows can be made wrong
ledger() { mkdir -p docs; sed "$1" "$root/docs/systems.yaml" >docs/systems.yaml; for d in README.md experiments results docs/results docs/guide docs/algo docs/env; do [ -e $d ] || ln -s "$root/$d" $d; done; }

test_the_ledger_is_sound() {
    cd "$root" || exit 2
    "$mb" systems --check >"$work/out" 2>"$work/err" || { complain 'systems --check'; sed 's/^/FAIL   | /' "$work/out" | head -n 20; }
    cd "$work" || exit 2
    says out '291 rows, all sound'
    run 0 list experiments --names; cp out ids
    for id in $(cat ids); do [ ! -e "$root/results/$id/verdict.json" ] || (cd "$root" && "$mb" reproduce "$id" --stored >/dev/null) || complain "$id: its stored verdict"; done
}

test_what_is_printed() {
    run 0 systems; says out '291 of 291 rows'
    run 0 systems --json; json id name family status experiment command
    run 0 systems --family planning --status none --json; grep -q '"family":"curriculum"' out && complain 'family'
    run 2 systems --status work; says err "did you mean 'works'?"
    run 2 systems --family plannning; says err "did you mean 'planning'?"
}

test_faults_are_found() {
    fault() { ledger "$1"; "$mb" systems --check >out 2>err && complain "no fault seen: $1"; says out "$2"; }
    ledger ''; run 0 systems --check
    fault '/^A7:/,/^A8:/{/^A8:/!d}' 'row 7 must be A7, not A8'
    fault '/^B119:/,$d' 'row 291 must be B119: it is missing'
    fault '/^A33:/,/command/s/page: .*/page: docs\/nowhere.md/' 'A33 has a page that does not exist: docs/nowhere.md'
    fault '/^A33:/,/command/s/experiment: .*/experiment: A999/' 'A33 has an experiment that cannot be read'
    fault '/^A33:/,/command/s/command: .*/command: matchbox reprodce A33/' "no command is called 'reprodce'"
    fault '/^A33:/,/command/s/command: .*/command: matchbox train ppo bandit --clpi 3/' "unknown option 'clpi'"
    fault '/^A33:/,/command/s/command: .*/command: matchbox reproduce A33 --quik/' "has no option 'quik'"
    fault '/^A3:/,/status/s/status: .*/status: works/' 'A3 works, and needs page, experiment and command'
    fault '/^A3:/,/status/s/status: .*/status: done/' 'A3 has a status that is not works, partial or none: done'
    rm results; mkdir results
    fault '/^A33:/,/status/s/status: .*/status: works/' 'A33 works, but its verdict is not sound'
}

finish
