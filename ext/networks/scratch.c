/* Which memory does one environment at a time need? What the driver uses, and the descriptor's own. */
#include "core/heap.h"

static size_t scratch_of(const hd_descriptors *kernels, const hd_element *elements, int64_t n_elements, int64_t most,
                         char *memory)
{
    hd_heap heap = {memory};
    int64_t functions = 0, net = 0, members = 0;
    const hd_plan *plans[HD_ELEMENTS];
    for (int64_t e = 0; e < n_elements; e++) {
        plans[e] = &elements[e].plan;
        functions = plans[e]->n_functions > functions ? plans[e]->n_functions : functions;
        for (int64_t m = 0; m < elements[e].n_members; m++) {
            const int64_t own = network_work(&elements[e].members[m]);
            net = own > net ? own : net;
        }
        members = elements[e].n_members > members ? elements[e].n_members : members;
    }
    const int64_t room = ((most + 15) & ~INT64_C(15)) + 16; /* kernels write whole vectors */
    hd_scratch *scratch = take(&heap, 1, sizeof *scratch);
    hd_scratch own = {.kernels = kernels, .stride = room, .row = (functions + 7) & ~INT64_C(7)};
    double **doubles[] = {&own.x, &own.y, &own.z};
    for (int i = 0; i < 3; i++)
        *doubles[i] = take(&heap, room, 8);
    own.edge = take(&heap, 3 * room, 8);
    own.descriptors = take(&heap, functions + 4, 8);
    own.slopes = take(&heap, functions + 4, 8);
    own.energies = take(&heap, members > 1 ? members : 0, 8);
    own.members = take(&heap, members > 1 ? members * own.row : 0, 8);
    own.network = take(&heap, net, 8);
    own.first = take(&heap, n_elements + 1, 8);
    own.atom = take(&heap, room, 4);
    own.nearest = take(&heap, n_elements, 8);
    const size_t size = taken(&heap, memory);
    own.work = heap.at;
    if (memory)
        *scratch = own;
    return size + kernels->work(n_elements, plans, most, memory ? heap.at : NULL);
}

/* dG_f/dr_ij [f][3][n] of every function and neighbour; after `values` of the same environment and scratch */
static void jacobian_of(const hd_plan *plan, const hd_environment *env, int64_t n_elements, hd_scratch *s, double *to)
{
    if (s->kernels->jacobian) {
        s->kernels->jacobian(plan->descriptor, env, s->work, to);
        return;
    }
    const int64_t n = env->first[n_elements] - env->first[0];
    memset(to, 0, (size_t)(plan->n_functions * 3 * n) * 8);
    memset(s->slopes, 0, (size_t)plan->n_functions * 8);
    to -= env->first[0]; /* edges count from the block's beginning */
    for (int64_t f = 0; f < plan->n_functions; f++, to += 3 * n) {
        s->slopes[f] = 1.0;
        s->kernels->vjp(plan->descriptor, env, s->work, s->slopes, to, to + n, to + 2 * n);
        s->slopes[f] = 0.0;
    }
}
