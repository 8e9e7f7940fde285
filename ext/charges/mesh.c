/* Charges spread over a mesh, and forces read from potentials on it: U. Essmann et al., J. Chem. Phys. 103, 8577 (1995).
 *
 * A charge at u (in steps of the mesh) has M(u - n) of itself at the points n around it, along each axis, M the cardinal spline of
 * the order. What lands on a point is rounded to a grid and added up in integers: the same on any number of ranks. */
#include "kernels.h"
#include "charges/home.h"
#include "core/fixed.h"
#include "core/md_types.h"
#include "core/vfun.h"

/* Weights of `order` points, the first of which is floor(u), and their slopes over u; the rest up to MESH_MORE is zero.
 * t = u - floor(u) */
MD_INLINE void mesh_weights(double t, int order, double *w, double *d)
{
    for (int j = 0; j < MESH_MORE; j++)
        w[j] = d[j] = 0.0;
    w[0] = 1.0 - t, w[1] = t;
    for (int k = 3; k <= order; k++) {
        if (k == order) {
            d[0] = -w[0];
            for (int j = 1; j < order; j++)
                d[j] = w[j - 1] - w[j];
        }
        const double over = 1.0 / (k - 1);
        w[k - 1] = over * t * w[k - 2];
        for (int j = 1; j < k - 1; j++)
            w[k - 1 - j] = over * ((t + j) * w[k - 2 - j] + (k - j - t) * w[k - 1 - j]);
        w[0] *= over * (1.0 - t);
    }
}

typedef int64_t v4i_u __attribute__((vector_size(32), aligned(8), may_alias));

typedef struct mesh_place {
    int64_t first[3]; /* point, in the window */
    double t[4];      /* how far the atom is from it */
    double w[3][MESH_MORE], d[3][MESH_MORE];
} mesh_place;

MD_INLINE void mesh_fractions(const md_mesh *it, const double *x, double *fractions)
{
    const double *inverse = it->inverse, dx = x[0] - it->origin[0], dy = x[1] - it->origin[1], dz = x[2] - it->origin[2];
    for (int k = 0; k < 3; k++)
        fractions[k] = dx * inverse[k] + dy * inverse[3 + k] + dz * inverse[6 + k];
}

/* Along each axis, in steps of the mesh: u, where an atom's image in the cell is, and of the atom itself the point
 * below, which is as many whole cells from that as the atom is. */
MD_INLINE void mesh_along(const md_mesh *it, const double *x, double *u, double *below)
{
    double fractions[3], home[3], turns[3];
    mesh_fractions(it, x, fractions);
    charge_home(x, fractions, it->cell, home, turns);
    mesh_fractions(it, home, fractions);
    for (int k = 0; k < 3; k++) {
        u[k] = fractions[k] * it->size[k];
        below[k] = __builtin_floor(u[k]) + turns[k] * it->size[k];
    }
}

/* The lowest and the highest point below an owned atom, along each axis: ends [2][3], also beyond the cell; without atoms 0, and the
 * whole mesh where an atom is nowhere */
static void mesh_reach(const md_atoms *atoms, const md_mesh *it, int64_t *ends)
{
    double low[3] = {0.0, 0.0, 0.0}, high[3] = {0.0, 0.0, 0.0};
    int sound[3] = {1, 1, 1};
    for (int64_t a = 0; a < atoms->n_owned; a++) {
        double u[3], below[3];
        mesh_along(it, atoms->x + 4 * a, u, below);
        for (int k = 0; k < 3; k++) {
            low[k] = a == 0 || below[k] < low[k] ? below[k] : low[k];
            high[k] = a == 0 || below[k] > high[k] ? below[k] : high[k];
            sound[k] &= below[k] - below[k] == 0.0;
        }
    }
    for (int k = 0; k < 3; k++) {
        ends[k] = sound[k] ? (int64_t)low[k] : 0;
        ends[3 + k] = sound[k] ? (int64_t)high[k] : it->size[k];
    }
}

MD_INLINE void mesh_point(const md_mesh *it, const double *x, mesh_place *own)
{
    double u[3], below[3];
    mesh_along(it, x, u, below);
    for (int k = 0; k < 3; k++) {
        const int64_t first = ((int64_t)below[k] - it->low[k]) % it->size[k];
        own->t[k] = u[k] - __builtin_floor(u[k]);
        own->first[k] = first < 0 ? first + it->size[k] : first;
    }
    own->t[3] = 0.0;
}

MD_INLINE void mesh_find(const md_mesh *it, const double *x, mesh_place *own)
{
    mesh_point(it, x, own);
    for (int k = 0; k < 3; k++)
        mesh_weights(own->t[k], it->order, own->w[k], own->d[k]);
}

/* cos and sin of 2 pi u along each axis */
MD_INLINE void mesh_waves(const mesh_place *own, v4d *c, v4d *s) { v_cos_sin(v_set1(0x1.921fb54442d18p2) * v_load(own->t), c, s); }

MD_INLINE int64_t mesh_row(const md_mesh *it, const mesh_place *own, int i, int j)
{
    int64_t n1 = own->first[0] + i, n2 = own->first[1] + j;
    n1 -= n1 < it->length[0] ? 0 : it->length[0];
    n2 -= n2 < it->length[1] ? 0 : it->length[1];
    return (n1 * it->length[1] + n2) * (it->length[2] + MESH_MORE) + own->first[2];
}

/* Does the window have all points that an atom reaches? */
MD_INLINE int mesh_holds(const md_mesh *it, const mesh_place *own)
{
    int held = 1;
    for (int k = 0; k < 3; k++)
        held &= it->length[k] == it->size[k] || own->first[k] + it->order <= it->length[k];
    return held;
}

/* Sums of q^2 cos(2 pi u) along each axis over owned atoms, multiples of 2^-MESH_SQUARE_BITS; as for mesh_spread. */
static void mesh_squares(const md_atoms *atoms, const double *charge, const md_mesh *it, int64_t *sums)
{
    const v4d big = v_set1(MESH_SQUARE_BIG);
    v4i total = {0, 0, 0, 0};
    for (int64_t a = 0; a < atoms->n_owned; a++) {
        mesh_place own;
        v4d c, s;
        mesh_point(it, atoms->x + 4 * a, &own);
        mesh_waves(&own, &c, &s);
        total += (v4i)(v_set1(charge[a] * charge[a]) * c + big) - (v4i)big;
    }
    for (int k = 0; k < 3; k++)
        sums[k] = total[k];
}

/* Adds the owned atoms to `mesh`, multiples of 2^-MESH_BITS. |charge| < 2^10, and less than 2^23 all together. The row of an atom
 * that is outside of the window, or -1 */
static int64_t mesh_spread(const md_atoms *atoms, const double *charge, const md_mesh *it, int64_t *mesh)
{
    const v4d big = v_set1(MESH_BIG);
    for (int64_t a = 0; a < atoms->n_owned; a++) {
        mesh_place own;
        mesh_find(it, atoms->x + 4 * a, &own);
        if (!mesh_holds(it, &own))
            return a;
        const v4d w0 = v_load(own.w[2]), w4 = v_load(own.w[2] + 4);
        for (int i = 0; i < it->order; i++)
            for (int j = 0; j < it->order; j++) {
                const v4d q = v_set1(charge[a] * own.w[0][i] * own.w[1][j]);
                int64_t *row = mesh + mesh_row(it, &own, i, j);
                v4i_u *here = (v4i_u *)row;
                here[0] += (v4i)(q * w0 + big) - (v4i)big;
                if (it->order > 4)
                    here[1] += (v4i)(q * w4 + big) - (v4i)big;
            }
    }
    return -1;
}

/* Of atoms begin ... end - 1: forces, where wanted, and in the fourth place potentials; found : [end - begin][4]. As mesh_spread, but
 * all the same of atoms that are outside */
MD_INLINE int64_t mesh_gathered(const double *x, const double *charge, const md_mesh *it, const double *mesh, int64_t begin,
                                int64_t end, double *found, const int forces)
{
    const v4d zero = v_set1(0.0), big = v_set1(FORCE_BIG);
    int64_t lost = -1;
    for (int64_t a = begin; a < end; a++, found += 4) {
        mesh_place own;
        mesh_find(it, x + 4 * a, &own);
        if (!mesh_holds(it, &own)) {
            lost = a;
            v_store(found, zero);
            continue;
        }
        const v4d w0 = v_load(own.w[2]), w4 = v_load(own.w[2] + 4), d0 = v_load(own.d[2]), d4 = v_load(own.d[2] + 4);
        v4d p = zero, g1 = zero, g2 = zero, g3 = zero;
        for (int i = 0; i < it->order; i++)
            for (int j = 0; j < it->order; j++) {
                const double *row = mesh + mesh_row(it, &own, i, j);
                v4d along = w0 * v_load(row), slope = d0 * v_load(row);
                if (it->order > 4) {
                    along = v_fma(w4, v_load(row + 4), along);
                    slope = v_fma(d4, v_load(row + 4), slope);
                }
                const double w1 = own.w[0][i], w2 = own.w[1][j];
                p = v_fma(v_set1(w1 * w2), along, p);
                if (!forces)
                    continue;
                g1 = v_fma(v_set1(own.d[0][i] * w2), along, g1);
                g2 = v_fma(v_set1(w1 * own.d[1][j]), along, g2);
                g3 = v_fma(v_set1(w1 * w2), slope, g3);
            }
        v4d c, s;
        mesh_waves(&own, &c, &s);
        const v4d self = {it->self[0], it->self[1], it->self[2], 0.0};
        v4d pull = zero;
        if (forces) {
            const double *b = it->inverse;
            s *= v_set1(0x1.921fb54442d18p2 * charge[a]) * self;
            const double s1 = (v_sum(g1) + s[0]) * it->size[0], s2 = (v_sum(g2) + s[1]) * it->size[1];
            const double s3 = (v_sum(g3) + s[2]) * it->size[2];
            pull = (v4d){s1 * b[0] + s2 * b[1] + s3 * b[2], s1 * b[3] + s2 * b[4] + s3 * b[5],
                         s1 * b[6] + s2 * b[7] + s3 * b[8], 0.0};
            pull = v_set1(-charge[a]) * pull + big - big;
        }
        pull[3] = v_sum(p) - 2.0 * charge[a] * v_sum(self * c);
        v_store(found, pull);
    }
    return lost;
}

/* Potentials, and where wanted forces, are those that were found for atoms begin ... end - 1. */
MD_INLINE void mesh_take(const md_atoms *atoms, const double *found, int64_t begin, int64_t end, double *potential, int forces)
{
    for (int64_t a = begin; a < end; a++, found += 4) {
        double *f = atoms->f + 4 * a;
        potential[a] = found[3];
        if (forces)
            v_store(f, v_load(f) + (v4d){found[0], found[1], found[2], 0.0});
    }
}

/* p [n_owned], and where wanted forces on owned atoms, from potentials on the points; as mesh_spread. */
static int64_t mesh_gather(const md_atoms *atoms, const double *charge, const md_mesh *it, const double *mesh,
                           double *potential, int forces)
{
    double found[4 * MESH_BATCH];
    int64_t lost = -1;
    for (int64_t begin = 0; begin < atoms->n_owned && lost < 0; begin += MESH_BATCH) {
        const int64_t end = begin + MESH_BATCH < atoms->n_owned ? begin + MESH_BATCH : atoms->n_owned;
        lost = forces ? mesh_gathered(atoms->x, charge, it, mesh, begin, end, found, 1)
                      : mesh_gathered(atoms->x, charge, it, mesh, begin, end, found, 0);
        mesh_take(atoms, found, begin, end, potential, forces);
    }
    return lost;
}

/* Takes batches of a rank's atoms as long as there are any, if they are open. */
static void mesh_help(const md_mesh *it, const md_batches *of, int forces)
{
    for (;;) {
        const int64_t begin = __atomic_fetch_add(&of->state->next, MESH_BATCH, __ATOMIC_ACQ_REL);
        if (begin >= of->n)
            return;
        const int64_t end = begin + MESH_BATCH < of->n ? begin + MESH_BATCH : of->n;
        double *found = of->found + 4 * begin;
        const int64_t lost = forces ? mesh_gathered(of->x, of->charge, it, of->mesh, begin, end, found, 1)
                                    : mesh_gathered(of->x, of->charge, it, of->mesh, begin, end, found, 0);
        if (lost >= 0)
            __atomic_store_n(&of->state->lost, lost, __ATOMIC_RELAXED);
        __atomic_fetch_add(&of->state->done, end - begin, __ATOMIC_ACQ_REL);
    }
}

/* Nobody may take batches yet, or from now on. */
static void mesh_offer(md_batch_state *state, int open)
{
    if (!open)
        state->done = 0, state->lost = -1;
    __atomic_store_n(&state->next, open ? 0 : MESH_CLOSED, __ATOMIC_RELEASE);
}

/* MESH_OPEN: may batches be taken, or have they been? MESH_DONE: are they done? */
static int mesh_state(const md_batches *of)
{
    const int open = __atomic_load_n(&of->state->next, __ATOMIC_ACQUIRE) < MESH_CLOSED;
    return (open ? MESH_OPEN : 0) | (__atomic_load_n(&of->state->done, __ATOMIC_ACQUIRE) >= of->n ? MESH_DONE : 0);
}

/* What was found for owned atoms is theirs. */
static void mesh_collect(const md_atoms *atoms, const double *found, double *potential, int forces)
{
    mesh_take(atoms, found, 0, atoms->n_owned, potential, forces);
}
