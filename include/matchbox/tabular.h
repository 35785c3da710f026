/* matchbox/tabular.h - finite Markov decision processes and exact dynamic programming. */
#ifndef MATCHBOX_TABULAR_H
#define MATCHBOX_TABULAR_H
#include "matchbox/env.h"
#endif
