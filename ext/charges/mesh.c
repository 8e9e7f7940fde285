/* Charges spread over a mesh, and forces read from potentials on it: U. Essmann et al., J. Chem. Phys. 103, 8577 (1995).
 *
 * A charge at u (in steps of the mesh) has M(u - n) of itself at the points n around it, along each axis, M the cardinal spline of
 * the order. What lands on a point is rounded to a grid and added up in integers: the same on any number of ranks. */
#include "kernels.h"
#include "core/fixed.h"
#include "core/md_types.h"
#include "core/simd.h"

/* Weights of `order` points, the first of which is returned, and their slopes over u; the rest up to MESH_MORE is zero. */
MD_INLINE int64_t mesh_weights(double u, int64_t size, int order, double *w, double *d)
{
    const double below = __builtin_floor(u), t = u - below;
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
    const int64_t first = (int64_t)below % size;
    return first < 0 ? first + size : first;
}

typedef int64_t v4i_u __attribute__((vector_size(32), aligned(8), may_alias));

typedef struct mesh_place {
    int64_t first[3];
    double w[3][MESH_MORE], d[3][MESH_MORE];
} mesh_place;

MD_INLINE void mesh_find(const md_mesh *it, const double *x, mesh_place *own)
{
    for (int k = 0; k < 3; k++) {
        const double part = x[0] * it->inverse[k] + x[1] * it->inverse[3 + k] + x[2] * it->inverse[6 + k];
        own->first[k] = mesh_weights(part * it->size[k], it->size[k], it->order, own->w[k], own->d[k]);
    }
}

MD_INLINE int64_t mesh_row(const md_mesh *it, const mesh_place *own, int i, int j)
{
    int64_t n1 = own->first[0] + i, n2 = own->first[1] + j;
    n1 -= n1 < it->size[0] ? 0 : it->size[0];
    n2 -= n2 < it->size[1] ? 0 : it->size[1];
    return (n1 * it->size[1] + n2) * (it->size[2] + MESH_MORE) + own->first[2];
}

/* Adds the owned atoms to `mesh`, multiples of 2^-MESH_BITS. |charge| < 2^10, and less than 2^23 all together. */
static void mesh_spread(const md_atoms *atoms, const double *charge, const md_mesh *it, int64_t *mesh)
{
    const v4d big = v_set1(MESH_BIG);
    for (int64_t a = 0; a < atoms->n_owned; a++) {
        mesh_place own;
        mesh_find(it, atoms->x + 4 * a, &own);
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
}

/* p [n_owned], from potentials on the points. */
static void mesh_read(const md_atoms *atoms, const md_mesh *it, const double *mesh, double *potential)
{
    for (int64_t a = 0; a < atoms->n_owned; a++) {
        mesh_place own;
        mesh_find(it, atoms->x + 4 * a, &own);
        const v4d w0 = v_load(own.w[2]), w4 = v_load(own.w[2] + 4);
        v4d p = v_set1(0.0);
        for (int i = 0; i < it->order; i++)
            for (int j = 0; j < it->order; j++) {
                const double *row = mesh + mesh_row(it, &own, i, j);
                v4d along = w0 * v_load(row);
                if (it->order > 4)
                    along = v_fma(w4, v_load(row + 4), along);
                p = v_fma(v_set1(own.w[0][i] * own.w[1][j]), along, p);
            }
        potential[a] = v_sum(p);
    }
}

/* Forces on owned atoms, and p [n_owned], from potentials on the points. */
static void mesh_gather(const md_atoms *atoms, const double *charge, const md_mesh *it, const double *mesh, double *potential)
{
    const v4d zero = v_set1(0.0), big = v_set1(FORCE_BIG);
    for (int64_t a = 0; a < atoms->n_owned; a++) {
        mesh_place own;
        mesh_find(it, atoms->x + 4 * a, &own);
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
                g1 = v_fma(v_set1(own.d[0][i] * w2), along, g1);
                g2 = v_fma(v_set1(w1 * own.d[1][j]), along, g2);
                g3 = v_fma(v_set1(w1 * w2), slope, g3);
            }
        const double *b = it->inverse;
        const double s1 = v_sum(g1) * it->size[0], s2 = v_sum(g2) * it->size[1], s3 = v_sum(g3) * it->size[2];
        const v4d pull = {s1 * b[0] + s2 * b[1] + s3 * b[2], s1 * b[3] + s2 * b[4] + s3 * b[5],
                          s1 * b[6] + s2 * b[7] + s3 * b[8], 0.0};
        double *f = atoms->f + 4 * a;
        v_store(f, v_load(f) + (v_set1(-charge[a]) * pull + big - big));
        potential[a] = v_sum(p);
    }
}
