/* The database of a sweep: what was proposed, where it was sent, what came out.  One writer; every change is a transaction,
   so that the file is whole whenever the program ends. */
#include "run/sweep.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#ifdef MB_HAVE_SQLITE
#include <sqlite3.h>

struct db { sqlite3 *sql; };

static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS trial(id INTEGER PRIMARY KEY, origin TEXT NOT NULL, parent INTEGER NOT NULL, member INTEGER NOT NULL,"
    " first INTEGER NOT NULL, target INTEGER NOT NULL, failed INTEGER NOT NULL DEFAULT 0, why TEXT NOT NULL DEFAULT '');"
    "CREATE TABLE IF NOT EXISTS param(trial INTEGER NOT NULL, dim INTEGER NOT NULL, key TEXT NOT NULL, unit REAL NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY(trial, dim));"
    "CREATE TABLE IF NOT EXISTS result(trial INTEGER NOT NULL, seed INTEGER NOT NULL, rung INTEGER NOT NULL, value REAL NOT NULL,"
    " steps INTEGER NOT NULL, seconds REAL NOT NULL, PRIMARY KEY(trial, seed, rung));";

static bool refused(struct db *d, const char *what, mb_error *err)
{
    return mb_fail(err, MB_ERR_IO, "sweep.db: cannot %s: %s", what, sqlite3_errmsg(d->sql));
}

static bool run_sql(struct db *d, const char *text, const char *what, mb_error *err)
{
    return sqlite3_exec(d->sql, text, NULL, NULL, NULL) == SQLITE_OK || refused(d, what, err);
}

struct db *mb__sweep_db_open(mb_arena *a, const char *path, bool look, mb_error *err)
{
    struct db *d = mb_alloc(a, 1, sizeof *d, err);
    int flags = look ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (!d) return NULL;
    if (sqlite3_open_v2(path, &d->sql, flags, NULL) != SQLITE_OK) {
        mb_fail(err, MB_ERR_IO, "%.300s: cannot be opened: %s", path, d->sql ? sqlite3_errmsg(d->sql) : "no memory");
        mb__sweep_db_close(d);
        return NULL;
    }
    sqlite3_busy_timeout(d->sql, 10000);
    if (look || run_sql(d, SCHEMA, "make its tables", err)) return d;
    mb__sweep_db_close(d);
    return NULL;
}

void mb__sweep_db_close(struct db *d)
{
    if (d && d->sql) sqlite3_close(d->sql);
    if (d) d->sql = NULL;
}

bool mb__sweep_db_begin(struct db *d, mb_error *err) { return run_sql(d, "BEGIN IMMEDIATE", "begin", err); }
bool mb__sweep_db_commit(struct db *d, mb_error *err) { return run_sql(d, "COMMIT", "commit", err); }

/* Bind i: whole number, d: number, s: text; run; the statement gives no rows. */
static bool change(struct db *d, const char *what, mb_error *err, const char *sql, const char *kinds, ...)
{
    sqlite3_stmt *st;
    va_list args;
    if (sqlite3_prepare_v2(d->sql, sql, -1, &st, NULL) != SQLITE_OK) return refused(d, what, err);
    va_start(args, kinds);
    for (int i = 0; kinds[i]; i++) {
        if (kinds[i] == 'i') sqlite3_bind_int64(st, i + 1, va_arg(args, int64_t));
        else if (kinds[i] == 'd') sqlite3_bind_double(st, i + 1, va_arg(args, double));
        else sqlite3_bind_text(st, i + 1, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
    }
    va_end(args);
    bool ok = sqlite3_step(st) == SQLITE_DONE;
    if (!ok) refused(d, what, err);
    sqlite3_finalize(st);
    return ok;
}

bool mb__sweep_db_meta(struct db *d, const char *key, char *out, size_t n, bool *found, mb_error *err)
{
    sqlite3_stmt *st;
    if (sqlite3_prepare_v2(d->sql, "SELECT value FROM meta WHERE key = ?", -1, &st, NULL) != SQLITE_OK) return refused(d, "be read", err);
    sqlite3_bind_text(st, 1, key, -1, SQLITE_TRANSIENT);
    *found = sqlite3_step(st) == SQLITE_ROW;
    if (*found) snprintf(out, n, "%s", (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    return true;
}

bool mb__sweep_db_meta_set(struct db *d, const char *key, const char *value, mb_error *err)
{
    return change(d, "keep a fact", err, "INSERT OR REPLACE INTO meta VALUES(?, ?)", "ss", key, value);
}

bool mb__sweep_db_trial_add(struct db *d, const struct trial *t, const struct spec *s, mb_error *err)
{
    bool ok = change(d, "add a trial", err, "INSERT INTO trial(id, origin, parent, member, first, target) VALUES(?, ?, ?, ?, ?, ?)", "isiiii",
                     (int64_t)t->view.id, t->view.origin, (int64_t)t->view.parent, (int64_t)t->member, (int64_t)t->first, (int64_t)t->target);
    for (int k = 0; ok && k < s->ndims; k++)
        ok = change(d, "add a setting", err, "INSERT INTO param VALUES(?, ?, ?, ?, ?)", "iisds", (int64_t)t->view.id, (int64_t)k, s->dim[k].key,
                    t->unit[k], t->text[k]);
    return ok;
}

bool mb__sweep_db_trial_target(struct db *d, const struct trial *t, mb_error *err)
{
    return change(d, "send a trial on", err, "UPDATE trial SET target = ? WHERE id = ?", "ii", (int64_t)t->target, (int64_t)t->view.id);
}

bool mb__sweep_db_trial_fail(struct db *d, const struct trial *t, mb_error *err)
{
    return change(d, "note a failure", err, "UPDATE trial SET failed = 1, why = ? WHERE id = ?", "si", t->why, (int64_t)t->view.id);
}

bool mb__sweep_db_result_add(struct db *d, int trial, int seed, int rung, double value, int64_t steps, double seconds, mb_error *err)
{
    return change(d, "add a result", err, "INSERT INTO result VALUES(?, ?, ?, ?, ?, ?)", "iiidid", (int64_t)trial, (int64_t)seed, (int64_t)rung,
                  value, steps, seconds);
}

/* ---- reading it all ---- */

static const char *origin_of(const char *text)
{
    static const char *const all[] = { "default", "grid", "random", "tpe", "gp", "copy", NULL };
    for (int i = 0; all[i]; i++)
        if (text && strcmp(all[i], text) == 0) return all[i];
    return "?";
}

static bool load_trial(sqlite3_stmt *st, mb_sweep *s, mb_error *err)
{
    struct trial *t = mb__trial_new(s, err);
    if (!t) return false;
    if (t->view.id != sqlite3_column_int(st, 0)) return mb_fail(err, MB_ERR_FORMAT, "sweep.db: trial %d is missing", t->view.id);
    t->view.origin = origin_of((const char *)sqlite3_column_text(st, 1));
    t->view.parent = sqlite3_column_int(st, 2);
    t->member = sqlite3_column_int(st, 3);
    t->first = sqlite3_column_int(st, 4);
    t->target = sqlite3_column_int(st, 5);
    t->view.failed = sqlite3_column_int(st, 6) != 0;
    snprintf(t->why, sizeof t->why, "%s", (const char *)sqlite3_column_text(st, 7));
    if (t->first < 0 || t->target < t->first || t->target >= s->spec.nrungs) return mb_fail(err, MB_ERR_FORMAT, "sweep.db: trial %d has no such rung", t->view.id);
    s->ntrials++;
    return true;
}

static bool load_param(sqlite3_stmt *st, mb_sweep *s, mb_error *err)
{
    int trial = sqlite3_column_int(st, 0), dim = sqlite3_column_int(st, 1);
    if (trial < 1 || trial > s->ntrials || dim < 0 || dim >= s->spec.ndims) return mb_fail(err, MB_ERR_FORMAT, "sweep.db: a setting of no trial");
    struct trial *t = &s->trial[trial - 1];
    t->unit[dim] = sqlite3_column_double(st, 2);
    int top = s->spec.dim[dim].nchoices > 0 ? s->spec.dim[dim].nchoices - 1 : 1;
    if (!(t->unit[dim] >= 0 && t->unit[dim] <= top)) return mb_fail(err, MB_ERR_FORMAT, "sweep.db: trial %d lies outside of the space", trial);
    return (t->text[dim] = mb_strdup(s->arena, (const char *)sqlite3_column_text(st, 3), err)) != NULL;
}

static bool load_result(sqlite3_stmt *st, mb_sweep *s, mb_error *err)
{
    int trial = sqlite3_column_int(st, 0), rung = sqlite3_column_int(st, 2), at = -1;
    struct trial *t = trial >= 1 && trial <= s->ntrials ? &s->trial[trial - 1] : NULL;
    for (int i = 0; t && i < s->spec.nseeds; i++)
        if (mb__trial_seed(s, t, i) == sqlite3_column_int64(st, 1)) at = i;
    if (at < 0 || rung < 0 || rung >= s->spec.nrungs) return mb_fail(err, MB_ERR_FORMAT, "sweep.db: a result of no trial");
    t->have[rung * s->spec.nseeds + at] = true;
    t->value[rung * s->spec.nseeds + at] = sqlite3_column_double(st, 3);
    if (sqlite3_column_int64(st, 4) > t->view.steps) t->view.steps = sqlite3_column_int64(st, 4);
    t->view.seconds += sqlite3_column_double(st, 5);
    return true;
}

static bool each_row(struct db *d, mb_sweep *s, const char *sql, bool (*take)(sqlite3_stmt *, mb_sweep *, mb_error *), mb_error *err)
{
    sqlite3_stmt *st;
    int rc = SQLITE_ROW;
    bool ok = true;
    if (sqlite3_prepare_v2(d->sql, sql, -1, &st, NULL) != SQLITE_OK) return refused(d, "be read", err);
    while (ok && (rc = sqlite3_step(st)) == SQLITE_ROW) ok = take(st, s, err);
    if (ok && rc != SQLITE_DONE) ok = refused(d, "be read", err);
    sqlite3_finalize(st);
    return ok;
}

bool mb__sweep_db_load(struct db *d, mb_sweep *s, mb_error *err)
{
    return each_row(d, s, "SELECT id, origin, parent, member, first, target, failed, why FROM trial ORDER BY id", load_trial, err) &&
           each_row(d, s, "SELECT trial, dim, unit, value FROM param", load_param, err) &&
           each_row(d, s, "SELECT trial, seed, rung, value, steps, seconds FROM result", load_result, err);
}

#else /* built without SQLite */

static bool without(mb_error *err)
{
    mb_fail(err, MB_ERR_UNSUPPORTED, "sweep: this matchbox was built without SQLite, where sweeps keep their results");
    return mb_help(err, "Debian, Ubuntu: apt-get install libsqlite3-dev, then make detect all");
}

struct db *mb__sweep_db_open(mb_arena *a, const char *path, bool look, mb_error *err)
{
    without(err);
    return NULL;
}
void mb__sweep_db_close(struct db *d) { }
bool mb__sweep_db_begin(struct db *d, mb_error *err) { return without(err); }
bool mb__sweep_db_commit(struct db *d, mb_error *err) { return without(err); }
bool mb__sweep_db_meta(struct db *d, const char *key, char *out, size_t n, bool *found, mb_error *err) { return without(err); }
bool mb__sweep_db_meta_set(struct db *d, const char *key, const char *value, mb_error *err) { return without(err); }
bool mb__sweep_db_trial_add(struct db *d, const struct trial *t, const struct spec *s, mb_error *err) { return without(err); }
bool mb__sweep_db_trial_target(struct db *d, const struct trial *t, mb_error *err) { return without(err); }
bool mb__sweep_db_trial_fail(struct db *d, const struct trial *t, mb_error *err) { return without(err); }
bool mb__sweep_db_result_add(struct db *d, int trial, int seed, int rung, double value, int64_t steps, double seconds, mb_error *err) { return without(err); }
bool mb__sweep_db_load(struct db *d, mb_sweep *s, mb_error *err) { return without(err); }
#endif
