/* matchbox.h - everything. */
#ifndef MATCHBOX_H
#define MATCHBOX_H
#include "matchbox/algo.h"
#include "matchbox/core.h"
#include "matchbox/embedding.h"
#include "matchbox/env.h"
#include "matchbox/experiment.h"
#include "matchbox/foreign.h"
#include "matchbox/graph.h"
#include "matchbox/jobs.h"
#include "matchbox/math.h"
#include "matchbox/nn.h"
#include "matchbox/objective.h"
#include "matchbox/phase.h"
#include "matchbox/replay.h"
#include "matchbox/rl.h"
#include "matchbox/run.h"
#include "matchbox/stats.h"
#include "matchbox/sweep.h"
#include "matchbox/tabular.h"
#endif
