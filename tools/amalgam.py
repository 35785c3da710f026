#!/usr/bin/env python3
"""The library as two files, matchbox.c and matchbox.h.

    amalgam.py CC BUILD OUT "ISA..." "SOURCE..." "ISA SOURCE..."

Headers and sources follow each other, each once.  What is local to a file in the tree (static functions and objects,
types, constants, macros) would meet its namesakes here: a name that two files use, or that a system header knows, gets
the file's name behind it, and a file's macros end with the file.  What the build compiles once per instruction set stands
here once per set, with the set's name behind every local name, between pragmas that switch the set on.
Names are told apart by position, as C does it: a member (after `.` or `->`, or declared in a struct) is never renamed.
"""
import re
import subprocess
import sys

TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)
      | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
      | (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
      | (?P<word>[A-Za-z_]\w*)
      | (?P<space>[ \t\n\\]+)
      | (?P<punct>->|\#\#|\.\.\.|.)""",
    re.S | re.X,
)
DIRECTIVE = re.compile(r"/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|^[ \t]*(\#(?:/\*.*?\*/|\\\n|[^\n])*)", re.S | re.M)
TYPES = ("struct", "union", "enum")
ISA_FLAGS = {"avx512": ("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma", 16), "avx2": ("avx2,fma", 8)}
ISA_HEADERS = ("graph/kernels/isa.h", "graph/kernels/simd.h")


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def tokens(text):
    return [(m.lastgroup, m.group()) for m in TOKEN.finditer(text)]


def pieces(text):
    """(is it a directive?, text) one after the other."""
    at = 0
    for m in DIRECTIVE.finditer(text):
        if m.group(1) is None:
            continue
        yield False, text[at : m.start()]
        yield True, m.group()
        at = m.end()
    yield False, text[at:]


def code_of(text):
    return [w for k, w in tokens(text) if k not in ("comment", "space")]


def plain_code(text):
    """The words of a file outside its directives."""
    return [w for is_directive, part in pieces(text) if not is_directive for w in code_of(part)]


# ---- the names that a file declares at its outermost level ----


def chunks(code):
    """The declarations of a file: lists of (word, depth)."""
    out, depth, parens, last = [], 0, 0, ""
    body = False
    for i, word in enumerate(code):
        if word == "{":
            if depth == 0:
                body = last == ")"
            depth += 1
        out.append((word, depth + parens - (word == "{")))
        if word == "}":
            depth -= 1
            out[-1] = (word, depth + parens)
        parens += (word == "(") - (word == ")")
        if word == ")":
            out[-1] = (word, depth + parens)
        last = word
        called = word == ")" and depth + parens == 0 and len(out) > 2 and out[1][0] == "(" and out[0][0].isupper()
        if called and code[i + 1 : i + 2] not in (["="], ["{"], [";"]):
            yield out
            out = []
        elif depth + parens == 0 and (word == ";" or (word == "}" and body)):
            yield out
            out = []


def constants(chunk):
    """Enumerators and tags that are defined in the chunk."""
    for i, (word, depth) in enumerate(chunk[:-1]):
        if word not in TYPES or depth > 0:
            continue
        tagged = chunk[i + 1][0] != "{"
        if tagged and chunk[i + 2][0] != "{":
            continue
        if tagged:
            yield chunk[i + 1][0]
        if word == "enum":
            for (before, _), (name, at) in zip(chunk[i + 1 :], chunk[i + 2 :]):
                if at == depth + 1 and before in ("{", ",") and name.isidentifier():
                    yield name


def declared(chunk):
    """Names of the functions, objects and types that the chunk declares."""
    flat = [w for w, depth in chunk if depth == 0]
    if flat[0] == "typedef":
        pointer = [i for i, (w, d) in enumerate(chunk) if w == "*" and d == 1 and (chunk[i - 1][0], chunk[i + 2][0]) == ("(", ")")]
        end = next(i for i, w in enumerate(flat) if w in ("__attribute__", "(", "[", ";"))
        yield chunk[pointer[0] + 1][0] if pointer and flat[-2] == ")" else flat[end - 1]
        return
    if chunk[1][0] == "(" and chunk[0][0].isupper():
        args = [w for w, _ in chunk[2:] if w.isidentifier()]
        if chunk[0][0] == "MB_OPTIONS":
            yield from (args[0] + "_options", args[0] + "_option_rows")
        elif chunk[0][0] in ("MB_BATCH", "MB_BATCH_NAMED"):
            yield "batch" if chunk[0][0] == "MB_BATCH" else args[0]
        elif chunk[0][0] in MAKERS:
            yield from (args[i] for i in MAKERS[chunk[0][0]].tags)
        return
    value = False  # inside an initial value
    for i, word in enumerate(flat[:-1]):
        value = word == "=" or (value and word != ",")
        if value or word == "__attribute__" or not word.isidentifier():
            continue
        after = flat[i + 1]
        if after not in ("(", ")", "=", "[", ",", ";") or flat[max(0, i - 1)] in TYPES or (after == "(" and word.isupper()):
            continue
        yield word
        if after in ("(", ")"):
            return


def locals_of(text, every=False):
    """Names that a file keeps to itself; `every`: also those with the library's prefix."""
    names = set()
    for chunk in chunks(plain_code(text)):
        names.update(constants(chunk))
        words = [w for w, d in chunk if d == 0]
        macro = chunk[0][0].isupper() and chunk[1][0] == "(" and chunk[-1][0] == ")"
        if macro or {"static", "MB__INLINE"} & set(words) or words[0] == "typedef":
            names.update(declared(chunk))
    return {n for n in names if every or not n.startswith(("mb_", "MB_"))}


def public_names(text):
    return {n for chunk in chunks(plain_code(text)) for part in (constants, declared) for n in part(chunk)}


def macros_of(text):
    found = (re.match(r"\s*#\s*define\s+(\w+)", t) for is_directive, t in pieces(text) if is_directive)
    return [m.group(1) for m in found if m]


class Maker:
    """A macro of a header that declares things in the file that uses it."""

    def __init__(self, params, body):
        words = code_of(body.replace("\\\n", " \n"))
        pairs = list(zip(words, words[1:]))
        glued = {b for a, b in pairs if a == "##"} | {a for a, b in pairs if b == "##"}
        self.pasted = [i for i, p in enumerate(params) if p in glued]
        tags = {b for a, b, c in zip(words, words[1:], words[2:]) if (a, c) == ("struct", "{")}
        self.tags = [i for i, p in enumerate(params) if p in tags]
        names = set()
        for chunk in chunks(words) if {"static", "typedef", "enum", "struct"} & set(words) else ():
            names.update(constants(chunk))
            if {"static", "typedef"} & {w for w, d in chunk if d == 0}:
                names.update(declared(chunk))
        self.calls = set(words)
        self.passes = {a for a, b, c in zip(words, words[1:], words[2:]) if b == "(" and params and c == params[0]}
        self.names = {n for n in names if n.isidentifier()} - set(params) - glued


def makers_of(text):
    out = {}
    for is_directive, part in pieces(text):
        m = re.match(r"\s*#\s*define\s+(\w+)\(([^)]*)\)(.*)", part, re.S) if is_directive else None
        if m:
            out[m.group(1)] = Maker([p.strip() for p in m.group(2).split(",")], m.group(3))
    return out


MAKERS = {}


def pass_on():
    """A macro that hands its first argument to one that makes names of it does so too."""
    for _ in range(3):
        for maker in MAKERS.values():
            if any(0 in MAKERS[m].pasted for m in maker.passes & set(MAKERS)) and 0 not in maker.pasted:
                maker.pasted.append(0)


def made_by(words, seen):
    """Names that the macros among `words` declare, and those that these call."""
    out = set()
    for word in (words & set(MAKERS)) - seen:
        seen.add(word)
        out |= MAKERS[word].names | made_by(MAKERS[word].calls, seen)
    return out


# ---- renaming ----


def is_row_name(words, at):
    """The name of a setting: NUM(type, name, ...), PICK(name, ...) and so on."""
    return words[at - 4 : at - 3] == ["NUM"] or (words[at - 1] == "(" and words[at - 2] in ("NUM", "PICK", "TEXT", "LIST", "SCHED"))


def renamed(text, names, pasted=""):
    """`text` with every word of the mapping `names` replaced where it is not a member."""
    out = []
    tags = {n for n in names if re.search(rf"\b(struct|union|enum)\s+{n}\s*{{|^typedef struct {n}\b|^struct {n};", text, re.M)}
    for call in re.finditer(r"^(\w+)\((\w+)", text, re.M):  # macros that declare a struct of their first argument
        if call.group(1) in MAKERS and 0 in MAKERS[call.group(1)].tags:
            tags.add(call.group(2))
    for name in [n for n in names if n.endswith("_options")]:
        tags.add(name)
    for is_directive, part in pieces(text):
        if is_directive and re.match(r"\s*#\s*include", part):
            out.append(part)
            continue
        rows = is_directive and re.match(r"\s*#\s*define\s+\w*OPTIONS\w*\(", part)  # settings: names that users see
        toks = tokens(part)
        code = [i for i, (k, _) in enumerate(toks) if k not in ("comment", "space")]
        words = [toks[i][1] for i in code]
        brackets = []  # of each open one, whether it is the body of a struct
        new = {}
        for at, word in enumerate(words):
            if word == "{":
                tagged = at > 1 and words[at - 2] in ("struct", "union")
                brackets.append(tagged or (at > 0 and words[at - 1] in ("struct", "union")))
            elif word in "([":
                brackets.append(word if brackets and brackets[-1] else False)
            elif word in ")]}" and brackets:
                brackets.pop()
            before, after = words[max(0, at - 1) : at], words[at + 1 : at + 2]
            if pasted and is_directive and after == ["##"] and word.endswith("_") and not word.startswith("mb_"):
                new[code[at]] = word + pasted + "_"
            if word not in names or before in (["."], ["->"]):
                continue
            if before and before[0] in TYPES and word not in tags:
                continue
            if brackets and brackets[-1] is True and after and after[0] in (";", ",", "[", ":"):
                continue
            if brackets and brackets[-1] == "(" and after == [")"] and before == ["*"]:
                continue
            if rows and is_row_name(words, at):
                continue
            if before == ["("] and words[at - 2] in MAKERS and 0 in MAKERS[words[at - 2]].pasted:
                continue
            new[code[at]] = names[word]
        out.append("".join(new.get(i, w) for i, (_, w) in enumerate(toks)))
    return "".join(out)


# ---- files ----


class Tree:
    def __init__(self, cc, build):
        self.cc, self.roots = cc, ("include", "src", build)
        self.system, self.done = [], set()

    def find(self, name):
        for root in self.roots:
            try:
                return read(f"{root}/{name}")
            except FileNotFoundError:
                continue
        raise SystemExit(f"amalgam: no file '{name}'")

    def without_includes(self, text, inner):
        """Own headers go to `inner`, system headers are noted where nothing makes them conditional; no guards."""
        out, guards = [], []
        for is_directive, part in pieces(text):
            m = re.match(r"\s*#\s*(\w+)\s*(\S*)", part) if is_directive else None
            what, arg = m.groups() if m else ("", "")
            guard = arg.endswith("_H")
            if what in ("if", "ifdef", "ifndef"):
                guards.append(guard)
            elif what == "endif":
                guard = guards.pop()
            elif what == "include" and arg[0] == '"':
                out.append(inner(arg.strip('"')))
                continue
            elif what == "include" and not any(not g for g in guards):
                self.system.append(arg)
                continue
            if not (guard and what in ("ifndef", "define", "endif")):
                out.append(part)
        return re.sub(r"\n{3,}", "\n\n", "".join(out))

    def header(self, name):
        """A header and what it includes, unless it stands somewhere above."""
        if name in self.done or name in ISA_HEADERS:
            return ""
        self.done.add(name)
        text = self.without_includes(self.find(name), self.header) + "\n"
        if "MB_OPTIONS(" in text and "define MB_OPTIONS" not in text:
            text = f"#define mb__options_here mb__options_here__{ident(name)}\n{text}#undef mb__options_here\n"
        return text


def banner(name):
    return f"\n/* ---- {name} ---- */\n"


def section(name, text, others, suffix, isa=""):
    """A source file as it stands in the one file."""
    own = locals_of(text)
    clash = own if isa else own & others
    names = {n: f"{n}__{suffix}" for n in clash}
    for macro in re.findall(r"^MB_OPTIONS\((\w+)", text, re.M):
        rows = f"{macro}_option_rows"
        if rows in names:  # the macro makes these names of its first argument
            owner = f"{macro}__{suffix}"
            names[rows], names[f"{macro}_options"] = f"{owner}_option_rows", f"{owner}_options"
    # what macros make of their first argument; those called inside a definition only use it
    pasting = [w for w in sorted(set(code_of(text)) & set(MAKERS)) if w != "MB_ENV" and 0 in MAKERS[w].pasted]
    owners = {m.group(2) for m in re.finditer(r"^(\w+)\((\w+)", text, re.M) if m.group(1) in pasting}
    for word in pasting:
        for arg in set(re.findall(rf"\b{word}\((\w+)", text)) & owners:
            if isa or f"{arg}_option_rows" in names:
                text = re.sub(rf"\b{word}\({arg}\b", f"{word}({arg}__{suffix}", text)
    if "batch" in names:
        text = re.sub(r"\bMB_BATCH\(", "MB_BATCH_NAMED(batch, ", text)
    text = renamed(text, names, isa)
    ends = "".join(f"#undef {m}\n" for m in dict.fromkeys(macros_of(text)))
    made = sorted(made_by(set(code_of(text)), set()))
    text = "".join(f"#define {n} {n}__{suffix}\n" for n in made) + text
    ends += "".join(f"#undef {n}\n" for n in made)
    return banner(name) + text.strip("\n") + "\n" + ends


def system_names(cc, headers):
    text = "#define _GNU_SOURCE\n" + "".join(f"#include {h}\n" for h in headers)
    words = set()
    for flags in (["-E", "-P"], ["-E", "-dM"]):
        run = subprocess.run(cc.split() + flags + ["-x", "c", "-"], input=text, capture_output=True, text=True, check=True)
        words |= set(re.findall(r"[A-Za-z_]\w*", run.stdout))
    return words


HEAD = """/* matchbox.c - the library in one file, made by `make amalgam` from commit {commit}; matchbox.h is its header.

       cc -O3 -c matchbox.c                            and link with -lm -ldl -lpthread
       cc -O3 -DMB_HAVE_YAML -c matchbox.c             settings and presets in YAML; and link with -lyaml

   Other optional libraries: -DMB_HAVE_SQLITE -lsqlite3 (sweeps), -DMB_HAVE_JANSSON -ljansson, -DMB_HAVE_PCRE2 -lpcre2-8,
   -DMB_HAVE_UTF8PROC -lutf8proc (language models).  gcc or clang, C11 or later, Linux.
   The same seed gives the same bytes as the library built file by file, whatever the level of optimisation. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifdef __FAST_MATH__
#error "matchbox needs exact arithmetic: compile matchbox.c without -ffast-math"
#endif
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off", "no-math-errno", "no-trapping-math")
#else
#error "matchbox needs gcc or clang"
#endif
"""


def isa_begin(isa):
    if isa not in ISA_FLAGS:
        return "#undef MB_ISA\n#define MB_ISA _plain\n"
    flags, lanes = ISA_FLAGS[isa]
    wide = "#define MB__HAS_AVX512 1\n" if lanes == 16 else ""
    prefer = ",prefer-vector-width=512" if lanes == 16 else ""
    return (f"#if defined(__x86_64__)\n#undef MB_ISA\n#define MB_ISA _{isa}\n{wide}#define MB__HAS_AVX2 1\n#if defined(__clang__)\n"
            f'#pragma clang attribute push(__attribute__((target("{flags}"))), apply_to = function)\n'
            f'#else\n#pragma GCC push_options\n#pragma GCC target("{flags}{prefer}")\n#endif\n')


def isa_end(isa):
    if isa not in ISA_FLAGS:
        return "#undef MB_ISA\n"
    return ("#if defined(__clang__)\n#pragma clang attribute pop\n#else\n#pragma GCC pop_options\n#endif\n"
            "#undef MB_ISA\n#undef MB__HAS_AVX512\n#undef MB__HAS_AVX2\n#endif /* x86-64 */\n")


def for_isa(text):
    return text.replace("__AVX512F__", "MB__HAS_AVX512").replace("__AVX2__", "MB__HAS_AVX2")


def ident(path):
    return re.sub(r"\W", "_", re.sub(r"^src/|\.c$", "", path))


def main(cc, build, out, isas, once, per_isa):
    tree = Tree(cc, build)
    public = tree.header("matchbox.h")
    system_public, tree.system = tree.system, []
    sources = once.split() + [f"{build}/portable_text.c"]
    private = []

    def inner(name):
        private.append(tree.header(name))
        return ""

    texts = {}
    for path in sources + per_isa.split():
        texts[path] = tree.without_includes(read(path), inner)
    MAKERS.update(makers_of(public + "".join(private)))
    pass_on()
    kernel_headers = {name: tree.without_includes(tree.find(name), inner) for name in ISA_HEADERS}
    system = list(dict.fromkeys(tree.system))
    # what has a name already: headers, the system, other files
    headers = public + "".join(private)
    taken = system_names(cc, system_public + system) | public_names(headers) | set(macros_of(headers))
    count = {}
    for text in texts.values():
        for name in locals_of(text) | set(macros_of(text)):
            count[name] = count.get(name, 0) + 1
    others = taken | {n for n, k in count.items() if k > 1}
    commit = re.search(r'MB_BUILD_COMMIT "(.*?)"', read(f"{build}/build_info.h")).group(1)
    with open(f"{out}/matchbox.h", "w", encoding="utf-8") as f:
        f.write(f"/* matchbox.h - the interface of matchbox.c; made by `make amalgam` from commit {commit}. */\n")
        f.write("#ifndef MATCHBOX_H\n#define MATCHBOX_H\n")
        f.write("".join(f"#include {h}\n" for h in dict.fromkeys(system_public)) + public + "#endif\n")
    with open(f"{out}/matchbox.c", "w", encoding="utf-8") as f:
        f.write(HEAD.replace("{commit}", commit))
        f.write('#include "matchbox.h"\n' + "".join(f"#include {h}\n" for h in system))
        f.write("#if defined(__x86_64__)\n#include <immintrin.h>\n#endif\n")
        f.write("".join(private))
        for path in sources:
            f.write(section(path, texts[path], others, ident(path)))
        for isa in isas.split():
            f.write(f"\n/* ==== {isa}: what stands here once per instruction set ==== */\n" + isa_begin(isa))
            names = {n: f"{n}__{isa}" for t in kernel_headers.values() for n in locals_of(for_isa(t), every=True)}
            ends = []
            for name, text in kernel_headers.items():
                f.write(banner(name) + renamed(for_isa(text), names))
                ends += macros_of(text)
            for path in per_isa.split():
                text = renamed(for_isa(texts[path]), names)
                f.write(section(path, text, others, f"{ident(path).split('_', 2)[-1]}_{isa}", isa))
            f.write("".join(f"#undef {m}\n" for m in dict.fromkeys(ends)) + isa_end(isa))
        f.write(registry(tree, isas))


def registry(tree, isas):
    """The generated tables, with every instruction set and, for other processors, with `plain` alone."""
    text = re.sub(r'^#include "matchbox/.*\n', "", tree.find("registry.c"), flags=re.M)
    alone = []
    for block in re.split(r"(?<=0 };\n)", text):
        if any(f"_{isa};" in block or f"_{isa}[" in block for isa in isas.split() if isa != "plain"):
            block = f"#if defined(__x86_64__)\n{block}#endif\n"
        else:
            block = re.sub(r"^(    (?:\"|mb__env_table_)avx.*\n)+", lambda m: f"#if defined(__x86_64__)\n{m.group()}#endif\n", block, flags=re.M)
        alone.append(block)
    return banner("registry") + "".join(alone)


if __name__ == "__main__":
    main(*sys.argv[1:])
