/* matchbox/nn.h - layers, network bodies, policies and action distributions.  Rank 2: knows tensors and spaces, no
   environments in motion and no rewards.  A network declares its parameters once and is then applied in any number of
   graphs (acting, learning, evaluating), which share them. */
#ifndef MATCHBOX_NN_H
#define MATCHBOX_NN_H
#include "matchbox/env.h"
#include "matchbox/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- layers ---- */

typedef struct mb_dense { mb_tensor *w, *b; } mb_dense; /* w [in, out], b [out] */
/* Orthogonal weights times `gain` (Saxe et al. 2014), zero bias. */
MB_API bool mb_dense_init(mb_dense *l, mb_params *p, const char *name, int in, int out, float gain, mb_rng *rng, mb_error *err);
MB_API mb_var mb_dense_apply(const mb_dense *l, mb_var x);
MB_API bool mb_init_orthogonal(float *w, int rows, int cols, float gain, mb_rng *rng, mb_arena *scratch, mb_error *err); /* [rows, cols] */
MB_API void mb_init_uniform(float *w, int64_t n, float bound, mb_rng *rng);

typedef enum mb_activation { MB_TANH, MB_RELU, MB_SILU, MB_GELU, MB_SIGMOID, MB_IDENTITY } mb_activation;
#define MB_ACTIVATION_CHOICES "tanh|relu|silu|gelu|sigmoid|identity"
MB_API mb_var mb_activate(mb_var x, mb_activation a);

/* ---- what a network is made of: rows that algorithms put into their own options ---- */

#define MB_NET_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                               \
    MB_BODY_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, "64,64", MB_TANH)                                \
    NUM(bool, shared, false, 0, 1, "policy and value share one body")
/* of one network, with the defaults of whoever asks */
#define MB_BODY_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, hidden_, activation_)                        \
    TEXT(model, "mlp", "network body: mlp, cnn, lstm, gru, attention or rbf")                      \
    LIST(hidden, hidden_, 1, 4096, "units of the hidden layers; recurrent bodies: the last is the memory") \
    PICK(activation, activation_, MB_ACTIVATION_CHOICES, "activation of the hidden layers")        \
    LIST(channels, "16", 1, 512, "channels of the convolutions (cnn)")                             \
    NUM(int, kernel, 3, 1, 15, "side of the convolution kernels (cnn)")                            \
    NUM(int, stride, 1, 1, 8, "stride of the convolutions (cnn)")                                  \
    NUM(int, window, 16, 2, 512, "steps that attention can look back")                             \
    NUM(int, heads, 2, 1, 32, "attention heads")                                                   \
    NUM(int, lattice, 6, 2, 64, "centres along each component of the observation (rbf)")           \
    NUM(float, reach, 0.7f, 0.05f, 10, "deviation of a centre's bell, in distances of centres (rbf)") \
    NUM(bool, bfloat16, false, 0, 1, "multiply matrices in bfloat16 when learning")

typedef struct mb_net_options {
    const char *model;
    mb_list hidden, channels;
    mb_activation activation;
    int kernel, stride, window, heads, lattice;
    float reach;
    bool shared, bfloat16;
} mb_net_options;
#define MB_NET_FROM(o) MB__NET_FROM(o, (o)->shared)
#define MB_BODY_FROM(o) MB__NET_FROM(o, true)
#define MB__NET_FROM(o, shared_)                                                                   \
    (mb_net_options)                                                                               \
    {                                                                                              \
        .model = (o)->model.s, .hidden = (o)->hidden, .channels = (o)->channels,                   \
        .activation = (mb_activation)(o)->activation, .kernel = (o)->kernel, .stride = (o)->stride, \
        .window = (o)->window, .heads = (o)->heads, .lattice = (o)->lattice, .reach = (o)->reach, .shared = (shared_), .bfloat16 = (o)->bfloat16 \
    }

/* ---- bodies: one file each in nn/model/ ---- */

/* Observations enter as [R, in] or, for recurrent bodies, [B, T, in] with keep [B, T] (0 where an episode begins) and the
   memory [B, state] before the first step.  image: h, w, c of a leading image part of `in` (0: none). */
typedef struct mb_body_spec { int in, h, w, c; const mb_net_options *net; } mb_body_spec;
typedef struct mb_body mb_body;
struct mb_netlist;
typedef struct mb_model_def {
    const char *name, *summary;
    bool recurrent;
    bool (*setup)(mb_body *b, mb_params *p, const char *prefix, mb_rng *rng, mb_error *err);
    /* features [R, out] ([B, T, out]); *state is replaced by the memory after the last step */
    mb_var (*apply)(const mb_body *b, mb_var x, mb_var keep, mb_var *state);
    /* optional: the body's layers from wire x on, as a net list (netlist.h); returns the wire of the features */
    int (*list)(const mb_body *b, struct mb_netlist *n, int x);
} mb_model_def;
struct mb_body {
    const mb_model_def *def;
    mb_body_spec spec;
    int out, state;         /* features; floats of memory per row */
    mb_scope *scope;
    void *self;             /* the body's own layers */
};
#define MB_MODEL(name) extern const mb_model_def mb_model_##name; const mb_model_def mb_model_##name
MB_API const mb_model_def *mb_model_find(const char *name, mb_error *err);
MB_API const mb_model_def *mb_model_at(int i);
MB_API bool mb_body_init(mb_body *b, mb_scope *s, mb_params *p, const char *prefix, mb_body_spec spec, mb_rng *rng, mb_error *err);

/* ---- a body whose fully connected layers may be thinned and normalised before their activation ---- */

typedef struct mb_tower_options { mb_net_options net; bool layer_norm; float dropout; } mb_tower_options;
/* The masks of dropout (Srivastava et al. 2014) in a graph: inputs, 1 / (1 - rate) or with chance `rate` 0, all ones until drawn. */
enum { MB_DROPOUTS = 64 };
typedef struct mb_dropout { float rate; int n; mb_var mask[MB_DROPOUTS]; } mb_dropout;
MB_API void mb_dropout_draw(const mb_dropout *d, mb_rng *rng);
typedef struct mb_tower {
    mb_tower_options o;
    mb_net_options net;     /* the body's: without the layers that follow it */
    mb_body body;
    int nlayers, out;
    struct { mb_dense dense; mb_tensor *gain, *shift; } layer[MB_LIST_MAX];
} mb_tower;
/* Feed-forward; `t` must stay where it is.  spec.net is not read. */
MB_API bool mb_tower_init(mb_tower *t, mb_scope *s, mb_params *p, const char *prefix, mb_body_spec spec, const mb_tower_options *o, mb_rng *rng,
                          mb_error *err);
/* [R, in] -> [R, out].  Masks are added to `d`; NULL: nothing is left out. */
MB_API mb_var mb_tower_apply(const mb_tower *t, mb_var x, mb_dropout *d);
/* Its layers after *wire, as mb_body_list; MB_ERR_UNSUPPORTED when they are normalised. */
MB_API bool mb_tower_list(const mb_tower *t, struct mb_netlist *n, int *wire, mb_error *err);

/* ---- observations into a graph ---- */

/* inputs for `rows` observations of this space; time > 0: [rows, time, ...] */
typedef struct mb_obs_input { int nfields; mb_var field[MB_MAX_FIELDS]; mb_var mask; /* uint8, id -1: no mask */ } mb_obs_input;
MB_API mb_obs_input mb_obs_inputs(mb_graph *g, const mb_env_shape *s, int rows, int time);
MB_API int mb_obs_features(const mb_space *obs, int *h, int *w, int *c); /* length of the encoded vector; image part first */
/* the field that is part i of the encoded vector: the image first, then the others in order */
MB_API int mb_obs_order(const mb_space *obs, int i);
/* images scaled by 1/high, discrete one-hot, boxes as they are -> [rows(, time), features] */
MB_API mb_var mb_obs_encode(const mb_obs_input *in, const mb_space *obs);

/* ---- action distributions ---- */

typedef struct mb_dist {
    const mb_space *act;
    int nindex, nvalue, nmask;
    mb_var logp[MB_MAX_FIELDS];   /* per discrete field: log-probabilities [..., n] */
    mb_var mean, log_std;         /* [..., nvalue], [nvalue] */
} mb_dist;
/* actions as inputs: one int32 [...] per discrete field, value [..., nvalue] */
typedef struct mb_act_input { mb_var index[MB_MAX_FIELDS], value; } mb_act_input;
MB_API mb_act_input mb_act_inputs(mb_graph *g, const mb_space *act, int rows, int time);
MB_API mb_var mb_log_prob(const mb_dist *d, const mb_act_input *a); /* [...], summed over all parts */
MB_API mb_var mb_entropy(const mb_dist *d);
MB_API mb_var mb_kl(const mb_dist *p, const mb_dist *q); /* KL(p || q) */

/* ---- a policy with a value function: heads on one shared or two separate bodies ---- */

typedef struct mb_policy {
    mb_scope *scope;
    mb_env_shape shape;
    mb_net_options net;
    mb_params *params;
    mb_body pi, v;                /* v unused when shared */
    mb_dense heads[MB_MAX_FIELDS], mean_head, value_head;
    mb_tensor *log_std;
    mb_tensor *obs_mean, *obs_scale; /* [features]: normalised observation = clamp((x - mean) * scale, -10, 10); NULL: off */
    int features;
    int state;                    /* floats of memory per row, both bodies */
    bool recurrent;
} mb_policy;
MB_API mb_policy *mb_policy_new(mb_scope *s, const char *name, const mb_env_shape *shape, const mb_net_options *net, float log_std,
                                bool normalize, mb_error *err);
typedef struct mb_policy_out { mb_dist dist; mb_var value; mb_var state; mb_var latent; } mb_policy_out; /* value [...]; latent: the features
   of the policy's body, what the heads see */
/* keep, state: ids ignored for feed-forward policies */
MB_API mb_policy_out mb_policy_apply(const mb_policy *p, const mb_obs_input *in, mb_var keep, mb_var state);

/* The policy at work on `rows` observations: a compiled plan, the memory, and a stream per row. */
typedef struct mb_agent mb_agent;
/* `name` makes streams and checkpoint blocks unique */
MB_API mb_agent *mb_agent_new(const mb_policy *p, const char *name, int rows, mb_error *err);
/* The same, whose latent features can be looked at: [rows, *width] of the last action. */
MB_API mb_agent *mb_agent_new_open(const mb_policy *p, const char *name, int rows, mb_error *err);
MB_API const float *mb_agent_latent(const mb_agent *a, int *width);
/* where results go, any may be NULL: actions [rows, nindex] and [rows, nvalue], log-probability and value [rows] */
typedef struct mb_agent_out { int32_t *index; float *act; float *logp; float *value; } mb_agent_out;
/* obs fields, mask [rows, nmask] (NULL: all allowed), start [rows / per_start] (1: forget the memory before acting).
   Writes actions, their log-probabilities and values; advances the memory. */
MB_API void mb_agent_act(mb_agent *a, void *const obs[], const uint8_t *mask, const uint8_t *start, int per_start, bool greedy, mb_agent_out out);
/* Values of other observations with the memory as it stands after acting (not advanced); rows as above. */
MB_API void mb_agent_value(mb_agent *a, void *const obs[], const uint8_t *start, int per_start, float *value);
MB_API const float *mb_agent_memory(const mb_agent *a); /* [rows, policy->state] before the next step */

#ifdef __cplusplus
}
#endif
#endif
