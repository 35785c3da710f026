/* Trains PPO on an environment of this file: hold a drone one metre above the ground by switching its rotor on and off.
   cc main.c $(pkg-config --cflags --libs matchbox) -o drone && ./drone */
#include <matchbox.h>
#include <stdio.h>

struct drone { float height, speed; }; /* m, m/s */

static void observe(const struct drone *d, mb_io *io)
{
    io->obs[0] = d->height - 1;
    io->obs[1] = d->speed;
}
static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct drone *d = state;
    *d = (struct drone){ .height = mb_uniform(rng, 0.5f, 1.5f), .speed = mb_uniform(rng, -0.5f, 0.5f) };
    observe(d, io);
}
static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct drone *d = state;
    float lift = io->index[0] == 1 ? 20.0f : 0.0f; /* m/s^2 */
    d->speed += 0.05f * (lift - 9.8f);
    d->height += 0.05f * d->speed;
    observe(d, io);
    float miss = d->height < 1 ? 1 - d->height : d->height - 1;
    return (mb_step){ .reward = 1 - miss, .terminated = miss > 1 };
}
MB_BATCH(reset, step)
MB_ENV(drone) = { MB_ENV_HEAD, .name = "drone", .summary = "hold a drone at one metre", .obs = MB_BOX(2), .act = MB_DISCRETE(2),
                  .time_limit = 200, .state_size = sizeof(struct drone), .reset = reset, .step = step, .batch = batch };

int main(void)
{
    mb_error err = { 0 };
    mb_eval eval = { 0 };
    mb_trainer *trainer = NULL;
    mb_arena *arena = mb_arena_new((size_t)1 << 20, &err);
    const mb_algo_def *ppo = mb_algo_find("ppo", &err);
    mb_settings *s = arena && ppo ? mb_settings_of(arena, ppo, &mb_env_drone, &err) : NULL;
    bool good = s && mb_settings_set(s, "total-steps", "100k", "in main.c", &err) &&
                mb_settings_set(s, "run", "none", "in main.c", &err) && (trainer = mb_trainer_new(s, NULL, &err)) &&
                mb_trainer_run(trainer, &err) && mb_trainer_evaluate(trainer, 100, &eval, &err);
    if (good) {
        printf("mean return %.1f of 200 over %d episodes\n", eval.return_mean, eval.episodes);
    } else {
        char text[2048];
        mb_error_text(&err, text, sizeof text);
        fputs(text, stderr);
    }
    mb_trainer_free(trainer);
    mb_arena_free(arena);
    return !good;
}
