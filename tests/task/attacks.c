/* Attacks on the verifiers: what a model finds when the reward is all it sees. */
#include "matchbox/task.h"
#include "mb_test.h"

static _Alignas(16) unsigned char problem[MB_TASK_PROBLEM];
static mb_arena *arena;

/* The first problem of a task whose prompt is `prompt`, looked for among many; fails the test when there is none. */
static mb_task *open(const char *name, const char *key, const char *value)
{
    mb_error err = { 0 };
    mb_task *t = mb_task_open(arena, name, 1, &err);
    CHECK(t && (!key || mb_task_set(t, key, value, &err)) && mb_task_problem(t, MB_SPLIT_ALL, 0, problem, &err));
    return t;
}

static mb_ruling say(const mb_task *t, const char *text)
{
    mb_ruling v = mb_task_verify(t, problem, text, strlen(text));
    CHECK((v.outcome == MB_SCORED && v.score >= 0 && v.score <= 1) || (v.outcome == MB_INVALID && v.score == 0) ||
          (v.outcome == MB_VERIFIER_ERROR && isnan(v.score)));
    return v;
}

static void expect(const mb_task *t, const char *text, mb_task_outcome outcome, double score, int line)
{
    mb_ruling v = say(t, text);
    bool ok = v.outcome == outcome && v.score == score && (score > 0 || v.why[0]);
    if (!ok) printf("line %d, '%.40s': %s %g\n", line, text, mb_task_outcome_name(v.outcome), v.score);
    CHECK(ok);
}
#define INVALID(t, text) expect(t, text, MB_INVALID, 0, __LINE__)
#define WRONG(t, text) expect(t, text, MB_SCORED, 0, __LINE__)
#define RIGHT(t, text) expect(t, text, MB_SCORED, 1, __LINE__)

/* Texts that are an answer to nothing. */
static const char *const junk[] = {
    "", " ", "\n\n", "null", "None", "nan", "inf", "1e9**9", "__import__('os').system('true')", "${7*7}", "%n%s%d", "<answer>1</answer>", "#", "##",
    "\xff\xfe", "\xe2\x88\x9e", "\xd9\xa3", "\xef\xbc\x91", "0x10", "+7", "--7", "7.", ".7", "1 2", "99999999999999999999", "-", "007", "-0", "1e3", "= 7",
    "The answer is correct.", "score: 1", "7 is the answer", "((((", "))))", "()", "1+", "*", "\\boxed{7}", "true", "<think></think>", "7\t\v", "true;7",
};

TEST(junk_never_scores)
{
    for (int i = 0; mb_task_at(i); i++)
        for (int style = 0; style < 3; style++) {
            mb_task *t = open(mb_task_at(i)->name, NULL, NULL);
            t->settings.style = style;
            for (size_t k = 0; k < sizeof junk / sizeof *junk; k++) {
                mb_ruling v = say(t, junk[k]);
                if (mb_task_at(i)->candidate && style == 0) continue; /* a gold reward likes some words a little */
                if (v.score > 0) printf("%s, style %d: '%s' scores %g\n", mb_task_at(i)->name, style, junk[k], v.score);
                CHECK(!(v.score > 0));
            }
        }
}

TEST(prompts_echoed_and_texts_without_end)
{
    static char text[MB_TASK_TEXT], huge[100000];
    for (int i = 0; mb_task_at(i); i++) {
        mb_task *t = open(mb_task_at(i)->name, NULL, NULL);
        mb_str s;
        mb_str_init(&s, text, sizeof text);
        mb_task_prompt(t, problem, &s);
        CHECK(say(t, text).score == 0);
        mb_str_add(&s, " ");
        mb_task_show(t, problem, &s); /* the prompt and a right answer behind it */
        CHECK(say(t, text).score == 0);
        static const char fill[] = "(9a<-#1 ";
        for (const char *f = fill; *f; f++)
            for (size_t n = 1; n < sizeof huge; n *= 10) {
                memset(huge, *f, n);
                huge[n] = 0;
                mb_ruling v = say(t, huge);
                CHECK(v.score == 0 || mb_task_at(i)->candidate || n == 1);
                CHECK(n < MB_TASK_READ || v.outcome == MB_INVALID);
            }
        CHECK(mb_task_verify(t, problem, "7\0 7", 4).outcome == MB_INVALID); /* a NUL inside */
    }
}

TEST(styles_hold)
{
    mb_task *t = open("addition", "style", "tags");
    char text[256];
    mb_str s;
    mb_str_init(&s, text, sizeof text);
    t->settings.style = 0;
    mb_task_show(t, problem, &s);
    const char *right = text;
    t->settings.style = MB_STYLE_TAGS;
    char said[512];
#define TAGS(pattern, want)                                                  \
    do {                                                                     \
        snprintf(said, sizeof said, pattern, right);                         \
        mb_ruling v = say(t, said);                                         \
        CHECK(v.outcome == (want ? MB_SCORED : MB_INVALID) && v.form == (want)); \
    } while (0)
    TAGS("<think>x</think><answer>%s</answer>", 1);
    TAGS(" <think></think>\n<answer> %s </answer>\n", 1);
    TAGS("<answer>%s</answer>", 0);
    TAGS("<think>x</think>%s", 0);
    TAGS("<think>x</think><answer>%s</answer> and more", 0);
    TAGS("<think>x</think><answer>1</answer><answer>%s</answer>", 0);
    TAGS("<think><answer>%s</answer></think>", 0);
    TAGS("<think>x<think>y</think><answer>%s</answer>", 0);
    TAGS("<answer>%s</answer><think>x</think>", 0);
    TAGS("hello <think>x</think><answer>%s</answer>", 0);
    TAGS("<think>x</think><answer>%s", 0);
    TAGS("<think>x</think><answer><answer>%s</answer></answer>", 0);
    t->settings.style = MB_STYLE_WORK;
    TAGS("3+4=7#%s", 1);
    TAGS("#%s", 1);
    TAGS("%s", 0);
    TAGS("1#2#%s", 0);
}

/* numbers 14 and 6, target 8 */
TEST(countdown)
{
    mb_task *t = open("countdown", NULL, NULL);
    RIGHT(t, "14-6");
    RIGHT(t, " ( 14 - 6 ) ");
    WRONG(t, "6-14");
    WRONG(t, "14-6-6+6"), WRONG(t, "8"), WRONG(t, "14+6"), WRONG(t, "14-6+0"), WRONG(t, "4+4"), WRONG(t, "14*6/6-6"), WRONG(t, "146"), WRONG(t, "14"),
    WRONG(t, "6/14");
    INVALID(t, "14-6=8"), INVALID(t, "14-6 " "8"), INVALID(t, "14-(6"), INVALID(t, "14-6)"), INVALID(t, "-6+14"), INVALID(t, "14--6"), INVALID(t, "014-6"), INVALID(t, "14.0-6"),
    INVALID(t, "14 -6;"), INVALID(t, "14\xe2\x88\x92" "6"), INVALID(t, "14**6"), INVALID(t, "14//6"), INVALID(t, "14-6#"), INVALID(t, "9999999999-6"), INVALID(t, "14 6 -");
    WRONG(t, "14/(6-6)"); /* numbers come first: 6 is used twice */
    char deep[400];
    memset(deep, '(', 100);
    strcpy(deep + 100, "14-6");
    memset(deep + 104, ')', 100);
    deep[204] = 0;
    INVALID(t, deep);
    char many[600] = "1";
    for (int i = 0; i < 100; i++) strcat(many, "+1");
    INVALID(t, many);
    mb_error err = { 0 };
    CHECK(mb_task_set(t, "divide", "false", &err));
    INVALID(t, "14/6");
}

TEST(countdown_is_exact)
{
    mb_error err = { 0 };
    mb_task *t = mb_task_open(arena, "countdown", 1, &err);
    CHECK(mb_task_set(t, "numbers", "3", &err) && mb_task_set(t, "largest", "3", &err));
    int truncated = 0, zero = 0;
    for (uint64_t k = 0; k < 3000; k++) {
        CHECK(mb_task_problem(t, MB_SPLIT_ALL, k, problem, &err));
        char text[64];
        mb_str s;
        mb_str_init(&s, text, sizeof text);
        mb_task_prompt(t, problem, &s);
        if (strcmp(text, "3,2,2=2:") == 0) WRONG(t, "3/2*2"), RIGHT(t, "3-2/2"), truncated++;     /* 3, not 1 * 2 */
        if (strncmp(text, "2,2,", 4) == 0 && text[4] == '1') INVALID(t, "1/(2-2)"), zero++;
    }
    CHECK(truncated > 0 && zero > 0);
}

TEST(logic)
{
    mb_task *t = open("knights", NULL, NULL); /* A: B and C differ. B: A is a knight. C: B is a knave. */
    RIGHT(t, "A knight,B knight,C knave"), RIGHT(t, "C knave, B knight, A knight");
    WRONG(t, "A knave,B knave,C knave"), WRONG(t, "A knight,B knight,C knight");
    INVALID(t, "A knight,B knight"), INVALID(t, "A knight,A knight,C knave"), INVALID(t, "A knight,B knight,C knave,A knave"),
        INVALID(t, "A knight,B knight,C knave,D knight"), INVALID(t, "A knight,B knight,C knave,"), INVALID(t, "A knightB knightC knave"),
        INVALID(t, "a knight,b knight,c knave"), INVALID(t, "A: knight,B: knight,C: knave"), INVALID(t, "A knight,B knight,C knavely"),
        INVALID(t, "A knight,B knight,C knave or knight");
    t = open("sudoku4", NULL, NULL); /* .421/214./43.2/1234 */
    RIGHT(t, "3421/2143/4312/1234"), RIGHT(t, "3421214343121234"), RIGHT(t, "3421\n2143\n4312\n1234");
    WRONG(t, "1111/1111/1111/1111"), WRONG(t, "3412/2143/4321/1234");
    INVALID(t, "3421/2143/4312/123"), INVALID(t, "3421/2143/4312/12344"), INVALID(t, ".421/214./43.2/1234"), INVALID(t, "3421/2143/4312/1235");
}

static bool step(const mb_task *t, const char *text, char *back, mb_ruling *v)
{
    mb_str s;
    mb_str_init(&s, back, MB_TASK_TEXT);
    return mb_task_reply(t, problem, text, strlen(text), &s, v);
}

TEST(tools)
{
    static char back[MB_TASK_TEXT];
    mb_ruling v;
    mb_task *t = open("lookup", NULL, NULL); /* bay in 1 step, add 2; bay is 34 */
    INVALID(t, "get bay"), WRONG(t, "35"), RIGHT(t, "36"); /* the number alone is an answer, had by luck */
    CHECK(step(t, "get nonsense", back, &v) && strcmp(back, "[none]") == 0 && v.outcome == MB_SCORED && v.score == 0);
    CHECK(step(t, "get bay", back, &v) && strcmp(back, "[34]") == 0 && v.score == 1);
    CHECK(!step(t, "get bay", back, &v) && v.score == 0); /* one call too many: over */
    CHECK(!step(t, "Get bay", back, &v) && !step(t, "", back, &v) && v.outcome == MB_INVALID && v.form == 0);
    t = open("encyclopaedia", NULL, NULL); /* bridges of Kirka: 12 */
    INVALID(t, "search Kirka"), INVALID(t, "calc 6*2"), RIGHT(t, "12");
    CHECK(step(t, "search zzz", back, &v) && strcmp(back, "[nothing]") == 0 && v.score == 0);
    CHECK(step(t, "search  the Kirka of bridges", back, &v) && strncmp(back, "[Kirka ", 7) == 0 && v.score == 1);
    CHECK(step(t, "search Kirka", back, &v) && v.score == 0);
    CHECK(step(t, "calc 7/2", back, &v) && strcmp(back, "[7/2]") == 0);
    CHECK(step(t, "calc 1/0", back, &v) && strcmp(back, "[error]") == 0 && v.score == 0);
    CHECK(step(t, "calc 999999999*999999999*999999999", back, &v) && strcmp(back, "[error]") == 0);
    CHECK(step(t, "calc __import__", back, &v) && strcmp(back, "[error]") == 0);
    CHECK(step(t, "search ", back, &v) == false); /* trailing space is trimmed: no call */
}

TEST(texts)
{
    mb_task *t = open("xml", NULL, NULL); /* r/b=58 r/c=76 */
    RIGHT(t, "<r><b>58</b><c>76</c></r>"), RIGHT(t, "<r> <b>58</b>\n<c>76</c> </r>");
    WRONG(t, "<r></r>"), WRONG(t, "<r><c>76</c><b>58</b></r>"), WRONG(t, "<s><b>58</b><c>76</c></s>");
    CHECK_NEAR(say(t, "<r><b>58</b></r>").score, 0.5, 0);
    CHECK_NEAR(say(t, "<r><b>58</b><c>76</c><d>1</d></r>").score, 2.0 / 3, 1e-12);
    CHECK(say(t, "<r><b>58</b><c>76</c><d></d></r>").score < 1);
    INVALID(t, "<r><b>58</b><c>76</c>"), INVALID(t, "<r><b>58</c><c>76</b></r>"), INVALID(t, "<r><b>58</b><c>76</c></r></r>"),
        INVALID(t, "<r><b>58</b><c>76</c></r><r></r>"), INVALID(t, "<!DOCTYPE r [<!ENTITY a \"b\">]><r>&a;</r>"), INVALID(t, "<r><![CDATA[<b>]]></r>"),
        INVALID(t, "<?xml version=\"1.0\"?><r></r>"), INVALID(t, "<r><b v=\"58\"/></r>"), INVALID(t, "<a><a><a><a><a>1</a></a></a></a></a>"),
        INVALID(t, "<r><b>58</b><c>seventy</c></r>"), INVALID(t, "<abcdefghij>1</abcdefghij>"), INVALID(t, "r/b=58");
    t = open("gold", NULL, NULL); /* feso */
    INVALID(t, "a"), INVALID(t, "Ab"), INVALID(t, "a b"), INVALID(t, "\xc3\xa9so");
    CHECK(say(t, "badefigukaso").score > 0.95 && say(t, "aaaaaaaaaaaa").score < 0.4);
}

TEST(games)
{
    static char back[MB_TASK_TEXT];
    mb_ruling v;
    mb_task *t = open("tictactoe-text", "opponent", "self");
    INVALID(t, "1"); /* a verdict before the end */
    CHECK(step(t, "5", back, &v) && v.outcome == MB_SCORED && !step(t, "5", back, &v) && v.outcome == MB_INVALID); /* taken */
    CHECK(mb_task_result(t, problem, 0).score == 1 && mb_task_result(t, problem, 1).outcome == MB_INVALID);
    for (int i = 0; i < 6; i++) {
        static const char *const moves[] = { "0", "10", "1 ", "a1", "11", "one" };
        t = open("tictactoe-text", NULL, NULL);
        bool more = step(t, moves[i], back, &v);
        CHECK(i == 2 ? more : !more && v.outcome == MB_INVALID);
    }
    t = open("kuhn-text", NULL, NULL); /* Q, first */
    CHECK(!step(t, "call", back, &v) && v.outcome == MB_INVALID && mb_task_verify(t, problem, "call", 4).outcome == MB_INVALID);
    CHECK(mb_task_result(t, problem, 1).score == 1);
    CHECK(!step(t, "bet", back, &v)); /* over is over */
    mb_error err = { 0 };
    t = mb_task_open(arena, "chain", 1, &err);
    CHECK(mb_task_result(t, problem, 0).outcome == MB_VERIFIER_ERROR);
}

#define WITH_ARENA(name) static void run_##name(void) { mb_error err = { 0 }; arena = mb_arena_new((size_t)1 << 26, &err); test_##name(); mb_arena_free(arena); }
WITH_ARENA(junk_never_scores)
WITH_ARENA(prompts_echoed_and_texts_without_end)
WITH_ARENA(styles_hold)
WITH_ARENA(countdown)
WITH_ARENA(countdown_is_exact)
WITH_ARENA(logic)
WITH_ARENA(tools)
WITH_ARENA(texts)
WITH_ARENA(games)
#define R(name) { #name, run_##name }
MB_TESTS(R(junk_never_scores), R(prompts_echoed_and_texts_without_end), R(styles_hold), R(countdown), R(countdown_is_exact), R(logic), R(tools), R(texts),
         R(games))
