/* Repeat previous: name the suit of the card shown k cards ago.
   Morad et al. (2023), POPGym's RepeatPrevious: cards are dealt from shuffled decks, one per step. */
#include "matchbox/env.h"

enum { SUITS = 4, PER_SUIT = 13, MAX_BACK = 64, MAX_DECKS = 16 };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(int, k, 4, 1, MAX_BACK, "how far back, 1: the card shown now")                             \
    NUM(int, decks, 1, 1, MAX_DECKS, "decks of 52 cards shuffled together")
MB_OPTIONS(repeat_previous, OPTIONS)

struct repeat_previous {
    int32_t shown;            /* cards shown so far */
    int32_t left[SUITS];      /* cards not yet shown */
    uint8_t seen[MAX_BACK];   /* the last suits: card i is in seen[i % MAX_BACK] */
};

static int cards(const struct repeat_previous_options *o)
{
    return SUITS * PER_SUIT * o->decks;
}

static void show(struct repeat_previous *s, int suit)
{
    s->left[suit]--;
    s->seen[s->shown++ % MAX_BACK] = (uint8_t)suit;
}

/* The suit of the next card of a shuffled deck: each remaining card is equally likely. */
static int draw_suit(const struct repeat_previous *s, int remaining, mb_rng *rng)
{
    int card = mb_below(rng, remaining), suit = 0;
    while (card >= s->left[suit]) card -= s->left[suit++];
    return suit;
}

static void begin(struct repeat_previous *s, const struct repeat_previous_options *o)
{
    *s = (struct repeat_previous){ 0 };
    for (int i = 0; i < SUITS; i++) s->left[i] = PER_SUIT * o->decks;
}

/* Judge the answer, then show the card `suit`. */
static mb_step answer(struct repeat_previous *s, const struct repeat_previous_options *o, int guess, int suit)
{
    mb_step out = { 0, s->shown == cards(o) - 1 };
    if (s->shown >= o->k) {
        float share = 1.0f / (float)(cards(o) - o->k);
        out.reward = guess == s->seen[(s->shown - o->k) % MAX_BACK] ? share : -share;
    }
    show(s, suit);
    return out;
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct repeat_previous *s = state;
    begin(s, options);
    int suit = draw_suit(s, cards(options), rng);
    show(s, suit);
    *(int32_t *)io->obs_field[0] = suit;
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct repeat_previous *s = state;
    int suit = draw_suit(s, cards(options) - s->shown, rng);
    *(int32_t *)io->obs_field[0] = suit;
    return answer(s, options, io->index[0], suit);
}
MB_BATCH(reset, step)

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    const struct repeat_previous_options *o = options;
    if (o->k >= cards(o))
        return mb_fail(err, MB_ERR_RANGE, "repeat-previous: k = %d looks back farther than %d cards reach: give more decks", o->k,
                       cards(o));
    return true;
}

static bool place(void *state, const void *options, const double *values, int n, mb_io *io, mb_error *err)
{
    struct repeat_previous *s = state;
    const struct repeat_previous_options *o = options;
    begin(s, o);
    if (n < 1 || n >= cards(o))
        return mb_fail(err, MB_ERR_RANGE, "repeat-previous: a state is the suits of 1 to %d cards, not of %d", cards(o) - 1, n);
    for (int i = 0; i < n; i++) {
        if (!(values[i] >= 0 && values[i] < SUITS) || values[i] != (double)(int)values[i])
            return mb_fail(err, MB_ERR_RANGE, "repeat-previous: card %d must be a suit, 0 to 3, not %g", i + 1, values[i]);
        if (!s->left[(int)values[i]])
            return mb_fail(err, MB_ERR_RANGE, "repeat-previous: card %d is of a suit that is used up", i + 1);
        show(s, (int)values[i]);
    }
    *(int32_t *)io->obs_field[0] = (int32_t)values[n - 1];
    return true;
}

/* The cards that count, the newest at the right; the one to name is framed. */
static void draw(const void *state, const void *options, mb_canvas *canvas)
{
    static const mb_color color[SUITS] = { 0x264653, 0xe76f51, 0x2a9d8f, 0xc1121f };
    const struct repeat_previous *s = state;
    const struct repeat_previous_options *o = options;
    float w = 1 / (float)(o->k + 1);
    mb_canvas_clear(canvas, 0xf4f1de);
    for (int back = 1; back <= o->k && back <= s->shown; back++) {
        float x = 1 - ((float)back + 0.4f) * w;
        if (back == o->k) mb_canvas_rect(canvas, x - 0.06f * w, 0.28f, x + 0.86f * w, 0.72f, 0xe9c46a);
        mb_canvas_rect(canvas, x, 0.3f, x + 0.8f * w, 0.7f, color[s->seen[(s->shown - back) % MAX_BACK]]);
    }
}

MB_ENV(repeat_previous) = {
    MB_ENV_HEAD, .name = "repeat-previous", .summary = "name the suit of the card shown k cards ago",
    .source = "POPGym RepeatPrevious", .obs = MB_DISCRETE(SUITS), .act = MB_DISCRETE(SUITS), .solved = 0.95f,
    .state_size = sizeof(struct repeat_previous), MB_USE_OPTIONS(repeat_previous), .shape = shape, .reset = reset, .step = step,
    .batch = batch, .draw = draw, .place = place, .state_names = "suits of the cards shown so far",
};
