/* Errors: the first cause stays, notes come in order, the text is the one the program prints. */
#include "matchbox/core.h"
#include "mb_test.h"

TEST(first_cause_stays)
{
    mb_error e = {0};
    CHECK(!mb_fail(&e, MB_ERR_RANGE, "ppo: option '%s' must lie in [0, 1], not %g", "clip", 1.7));
    CHECK(!mb_fail(&e, MB_ERR_IO, "later"));
    CHECK(!mb_note(&e, "on the command line"));
    CHECK(!mb_help(&e, "matchbox help %s", "ppo"));
    CHECK(!mb_help(&e, "another help"));
    CHECK(e.code == MB_ERR_RANGE);
    char text[512];
    mb_error_text(&e, text, sizeof text);
    CHECK(strcmp(text, "error: ppo: option 'clip' must lie in [0, 1], not 1.7\n"
                       "  note: on the command line\n"
                       "  help: matchbox help ppo\n") == 0);
}

TEST(notes_need_a_cause_and_never_overflow)
{
    mb_error e = {0};
    mb_note(&e, "nothing failed");
    mb_help(&e, "nothing failed");
    CHECK(e.nnotes == 0 && e.help[0] == '\0');
    mb_fail(&e, MB_ERR_IO, "x");
    for (int i = 0; i < 20; i++) mb_note(&e, "note %d", i);
    CHECK(e.nnotes == MB_ERROR_NOTES);
    CHECK(strcmp(e.notes[0], "note 0") == 0);
    CHECK(strcmp(e.notes[MB_ERROR_NOTES - 1], "note 19") == 0); /* the outermost is kept */
}

TEST(null_is_allowed)
{
    CHECK(!mb_fail(NULL, MB_ERR_IO, "x") && !mb_note(NULL, "x") && !mb_help(NULL, "x"));
    char text[8] = "old";
    mb_error_text(NULL, text, sizeof text);
    CHECK(text[0] == '\0');
}

TEST(foreign_text_cannot_break_the_line)
{
    mb_error e = {0};
    mb_fail(&e, MB_ERR_IO, "a\nb\x1b[31mc\td");
    CHECK(strcmp(e.what, "a b [31mc d") == 0);
}

TEST(a_cut_text_ends_with_a_whole_character)
{
    static const char *const signs[] = {"\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    for (int kind = 0; kind < 3; kind++) {
        int width = (int)strlen(signs[kind]);
        for (int shift = 0; shift < width; shift++) {
            char many[1024] = "";
            for (int i = 0; i < shift; i++) strcat(many, "x");
            while (strlen(many) < 900) strcat(many, signs[kind]);
            mb_error e = {0};
            mb_fail(&e, MB_ERR_IO, "%s", many);
            size_t n = strlen(e.what);
            CHECK(n > 300 && n < sizeof e.what);
            CHECK((n - (size_t)shift) % (size_t)width == 0);
        }
    }
}

TEST(text_is_cut_at_n)
{
    mb_error e = {0};
    mb_fail(&e, MB_ERR_IO, "some cause");
    mb_note(&e, "some note");
    char text[64];
    for (size_t n = 0; n < sizeof text; n++) {
        memset(text, 'z', sizeof text);
        mb_error_text(&e, text, n);
        CHECK(n == 0 || memchr(text, '\0', n));
        for (size_t i = n; i < sizeof text; i++) CHECK(text[i] == 'z');
    }
    mb_error_text(&e, text, 20);
    CHECK(strncmp(text, "error: some cause", 17) == 0);
}

MB_TESTS(T(first_cause_stays), T(notes_need_a_cause_and_never_overflow), T(null_is_allowed),
         T(foreign_text_cannot_break_the_line), T(a_cut_text_ends_with_a_whole_character),
         T(text_is_cut_at_n))
