/* Blackjack: draw cards towards 21 against a dealer who stops at 17.
   Sutton & Barto, Example 5.1; cards, rewards and options as in Gymnasium 1.4.0 Blackjack-v1 (an infinite deck). */
#include "env/place.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(bool, sab, true, 0, 1, "rules of Sutton and Barto: a natural wins unless the dealer has one too") \
    NUM(bool, natural, false, 0, 1, "a win with a natural pays 1.5 (without sab)")
MB_OPTIONS(blackjack, OPTIONS)

enum { STICK, HIT, NACTIONS };
enum { TARGET = 21, DEALER_STOPS = 17, ACE = 1, ACE_EXTRA = 10 };

struct hand { int32_t sum, ace, cards; }; /* sum with aces as 1; whether there is one; number of cards */
struct blackjack { struct hand player, dealer; int32_t shown; };

typedef int card_source(void *deck); /* the next card, 1 to 10 */

static int draw_card(void *rng)
{
    int rank = 1 + mb_below(rng, 13);
    return rank < 10 ? rank : 10;
}

static void take(struct hand *h, int card)
{
    h->sum += card;
    h->ace |= card == ACE;
    h->cards++;
}

static bool usable_ace(const struct hand *h)
{
    return h->ace && h->sum + ACE_EXTRA <= TARGET;
}

static int total(const struct hand *h)
{
    return usable_ace(h) ? h->sum + ACE_EXTRA : h->sum;
}

static bool is_natural(const struct hand *h)
{
    return h->cards == 2 && h->ace && h->sum == 1 + 10;
}

static int score(const struct hand *h)
{
    int t = total(h);
    return t > TARGET ? 0 : t;
}

/* Both hands are complete: what the player gets. */
static float settle(const struct blackjack *s, const struct blackjack_options *o)
{
    int player = score(&s->player), dealer = score(&s->dealer);
    float reward = (float)((player > dealer) - (player < dealer));
    bool natural = is_natural(&s->player);
    if (o->sab && natural && !is_natural(&s->dealer)) return 1;
    if (!o->sab && o->natural && natural && reward > 0) return 1.5f;
    return reward;
}

static void observe(const struct blackjack *s, mb_io *io)
{
    *(int32_t *)io->obs_field[0] = total(&s->player);
    *(int32_t *)io->obs_field[1] = s->shown;
    *(int32_t *)io->obs_field[2] = usable_ace(&s->player);
}

static void deal(struct blackjack *s, card_source *next, void *deck)
{
    *s = (struct blackjack){ .shown = next(deck) };
    take(&s->dealer, s->shown);
    take(&s->dealer, next(deck));
    take(&s->player, next(deck));
    take(&s->player, next(deck));
}

static mb_step play(struct blackjack *s, const struct blackjack_options *o, int action, card_source *next, void *deck)
{
    if (action == HIT) {
        take(&s->player, next(deck));
        bool bust = total(&s->player) > TARGET;
        return (mb_step){ bust ? -1 : 0, bust };
    }
    while (total(&s->dealer) < DEALER_STOPS) take(&s->dealer, next(deck));
    return (mb_step){ settle(s, o), true };
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    deal(state, draw_card, rng);
    observe(state, io);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    mb_step out = play(state, options, io->index[0], draw_card, rng);
    observe(state, io);
    return out;
}
MB_BATCH(reset, step)

/* A hand that cards can make: 1 to 10 each, and an ace when it says so. */
static bool possible(const struct hand *h)
{
    int low = h->ace ? h->cards : 2 * h->cards, high = h->ace ? 1 + 10 * (h->cards - 1) : 10 * h->cards;
    return h->cards >= 2 && h->sum >= low && h->sum <= high;
}

static bool place(void *state, const void *options, const double *values, int n, mb_io *io, mb_error *err)
{
    struct blackjack *s = state;
    static const struct mb__number want[] = { { "player_sum", 2, 21 }, { "player_ace", 0, 1 }, { "player_cards", 2, 21 },
                                              { "dealer_shown", 1, 10 }, { "dealer_hidden", 1, 10 } };
    int v[5];
    if (!mb__place_read("blackjack", want, 5, values, n, v, err)) return false;
    *s = (struct blackjack){ .player = { v[0], v[1], v[2] }, .shown = v[3] };
    if (!possible(&s->player))
        return mb_fail(err, MB_ERR_RANGE, "blackjack: no %d cards %s an ace make a sum of %d (aces count 1)", v[2],
                       v[1] ? "with" : "without", v[0]);
    take(&s->dealer, v[3]);
    take(&s->dealer, v[4]);
    observe(s, io);
    return true;
}

/* Black on a white card, in its middle whether it has one digit or two. */
static void draw_number(mb_canvas *canvas, float middle, float y, int number)
{
    char memory[16];
    mb_str text;
    mb_str_init(&text, memory, sizeof memory);
    mb_str_add(&text, "%d", number);
    mb_canvas_text(canvas, middle - (number < 10 ? 0.05f : 0.11f), y, 0.14f, memory, 0x202020);
}

static void draw(const void *state, const void *options, mb_canvas *canvas)
{
    const struct blackjack *s = state;
    mb_canvas_clear(canvas, 0x1b5e20);
    mb_canvas_rect(canvas, 0.62f, 0.10f, 0.90f, 0.44f, 0xfafafa);
    mb_canvas_rect(canvas, 0.62f, 0.56f, 0.90f, 0.90f, 0xfafafa);
    mb_canvas_text(canvas, 0.08f, 0.23f, 0.08f, "dealer", 0xffffff);
    mb_canvas_text(canvas, 0.08f, 0.69f, 0.08f, "player", 0xffffff);
    if (usable_ace(&s->player)) mb_canvas_text(canvas, 0.08f, 0.82f, 0.05f, "with an ace", 0xc8e6c9);
    draw_number(canvas, 0.76f, 0.20f, s->shown);
    draw_number(canvas, 0.76f, 0.66f, total(&s->player));
}

MB_ENV(blackjack) = {
    MB_ENV_HEAD, .name = "blackjack", .summary = "draw cards towards 21 against the dealer", .source = "Gymnasium Blackjack-v1",
    .obs = MB_FIELDS(3, MB_F_DISCRETE("player", 32), MB_F_DISCRETE("dealer", 11), MB_F_DISCRETE("ace", 2)),
    .act = MB_DISCRETE(NACTIONS), .state_size = sizeof(struct blackjack), MB_USE_OPTIONS(blackjack),
    .reset = reset, .step = step, .batch = batch, .draw = draw, .place = place,
    .state_names = "player_sum,player_ace,player_cards,dealer_shown,dealer_hidden",
};
