# Maps: texts, tables, NumPy arrays and the hidden states of a run become one page; errors name file and line.
self=tests/cli/tsne.sh
. ./tests/cli/lib.inc
cp -R "$root/presets" .
keys='page points dimensions components kl trustworthiness trustworthiness_pca purity purity_pca'
# nothing on the page comes from outside, and every point is there
whole() { # PAGE POINTS
    holds "$(grep -c '^<circle ' "$1")" -eq "$2"
    grep -q '</html>' "$1" || complain "$1 is cut"
    grep -qE '(src|href)=|https?:' "$1" && complain "$1 needs something from outside"
    grep -qE 'nan|inf"' "$1" && complain "$1 has places that are not finite"
}
better() { # where a plane cannot hold the groups apart, the map keeps neighbours better than the first two components
    sed 's/.*"trustworthiness":\([0-9.]*\),"trustworthiness_pca":\([0-9.]*\).*/\1 \2/' last.json | awk '{ exit !($1 > $2) }' || complain "t-SNE is no better than PCA: $(cat last.json)"
}

texts() { # 60 texts of six kinds: more than a plane can hold apart
    awk 'BEGIN { split("reward agent value policy return|river water fish boat bridge|bread flour oven yeast butter|wood nail saw board glue|song drum flute choir tune|star moon comet orbit sun", kind, "|")
        for (i = 0; i < 60; i++) { n = split(kind[i % 6 + 1], w, " "); line = ""
            for (k = 0; k < 4; k++) line = line w[(i * 7 + k * 3 + int(i / 6)) % n + 1] " "
            printf "title <%d> & co\t%s\tkind %d\n", i, line, i % 6 } }'
}

test_texts() {
    texts >texts.tsv
    run 0 tsne texts.tsv --json --clusters 6 --inits 2; json $keys trustworthiness_random_inits
    says out '"page":"texts-map.html"'; whole texts-map.html 60
    says texts-map.html 'title &lt;7> &amp; co (kind 1)'
    sed 's/.*"purity":\([0-9.]*\).*/\1/' last.json | awk '{ exit !($1 > 0.95) }' || complain 'the kinds are not apart'
    holds "$(grep -c 'class="hull"' texts-map.html)" -eq 6
    says texts-map.html 'class="name"'
    run 0 tsne texts.tsv -o again.html --clusters 6 --threads 2; same texts-map.html again.html
    says out 'trustworthiness (5 neighbours)'
    run 0 tsne texts.tsv -o exact.html --theta 0 --line --color cluster --json; whole exact.html 60
    says exact.html 'class="line"'
    cut -f 2 texts.tsv >plain.txt
    run 0 tsne plain.txt --perplexity 5 --iterations 100; whole plain-map.html 60
}

test_vectors() {
    awk 'BEGIN { print "title,a,b,c,value,label"; for (i = 0; i < 50; i++) printf "row %d,%g,%g,%g,%d,%s\n", i, sin(i), cos(i), i % 2 * 4, i, i % 2 ? "odd" : "even" }' >v.csv
    run 0 tsne v.csv --json; json $keys; whole v-map.html 50
    says v-map.html 'row 7 (odd)'; says v-map.html 'linear-gradient'
    awk 'BEGIN { srand(1); print "a,b,c,d,e,f,g,h,label"
        for (i = 0; i < 120; i++) { for (k = 0; k < 8; k++) printf "%.4f,", 4 * (i % 8 == k) + rand(); print i % 8 } }' >groups.csv
    run 0 tsne groups.csv --json; whole groups-map.html 120; better
    grep -q 'linear-gradient' groups-map.html && complain 'labels are no values'
    command -v python3 >/dev/null 2>&1 || return
    python3 -c '
import struct
h = "{\"descr\": \"<f4\", \"fortran_order\": False, \"shape\": (40, 3), }".replace("\"", chr(39)).ljust(117) + "\n"
open("v.npy", "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(h)) + h.encode() + struct.pack("<120f", *[(i * i) % 17 for i in range(120)]))'
    run 0 tsne v.npy --json --perplexity 5 -o n.html; says out '"points":40,"dimensions":3'; whole n.html 40
    head -c 300 v.npy >cut.npy
    run 2 tsne cut.npy; says err 'cut.npy: expected a table of float32'
}

test_run() {
    run 0 train ppo cartpole --total-steps 4k --run r --eval-episodes 5
    run 0 tsne r --points 150 --episodes 10 --json; json $keys; says out '"page":"r-map.html"'
    says r-map.html 'states of ppo on cartpole'; says r-map.html 'still to come'
    run 0 train ppo cartpole-masked --model lstm --preset none --total-steps 600 --envs 2 --minibatches 2 --run memory --eval-episodes 2
    run 0 tsne memory --points 60 --episodes 4 --perplexity 8 --iterations 50
    run 0 train q-learning cliffwalking --total-steps 500 --run table --eval-episodes 2
    run 2 tsne table; says err 'has no hidden layer to look at'
}

test_errors() {
    run 1 tsne nowhere.txt; says err nowhere.txt
    printf 'one two\none two\n' >few.txt; run 2 tsne few.txt; says err '2 texts are too few'
    run 2 tsne texts.tsv --perplexity 40; says err 'needs more than 120 points, there are 60'
    run 2 tsne texts.tsv --perplexty 4; says err "did you mean 'perplexity'?"
    run 2 tsne texts.tsv --neighbours 30; says err '30 neighbours of 60 points'
    printf 'a,b\n1,2\n3,x\n' >bad.csv; run 2 tsne bad.csv; says err 'bad.csv, line 3: not a number'
    printf 'a,b\n1,2\n3\n' >bad.csv; run 2 tsne bad.csv; says err 'bad.csv, line 3: as many cells'
    printf 'not numpy' >bad.npy; run 2 tsne bad.npy; says err 'not a NumPy file'
    run 1 tsne texts.tsv -o /no/such/folder/page.html; says err /no/such/folder
}

finish
