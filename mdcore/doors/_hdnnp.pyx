# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# cython: freethreading_compatible=True
"""Where does Python meet the kernels of networks of atoms?

Tables and arrays are checked here; the kernels of the CPU level that `_kernels` selected are called.
"""

from libc.stdint cimport int32_t, int64_t, uintptr_t
from libc.stdlib cimport calloc, free

import os

import numpy as np

from mdcore.doors import _kernels

cdef enum:
    MOST_THREADS = 512

cdef int64_t started_in = 0  # the process that has started threads; a child that it forks can't use them


PRECISIONS = ("double", "mixed")


cdef const hd_kernels *kernels() except NULL:
    name = _kernels.cpu_name().encode()
    return hd_select(name)


def most_threads():
    """The largest number of threads that do any good: 1 if the kernels were built without OpenMP."""
    return MOST_THREADS if kernels().openmp else 1


cdef _rows(array, int64_t n, int64_t columns):
    """float64 [n, columns] with neighbouring columns side by side, without a copy where possible."""
    array = np.asarray(array, dtype=np.float64)
    if array.shape != (n, columns):
        raise ValueError(f"expected an array of shape ({n}, {columns}), found {array.shape}")
    return array if array.strides[1] == 8 and array.strides[0] % 8 == 0 else np.ascontiguousarray(array)


cdef class Networks:
    """The element networks of a potential with their descriptors, as tables the kernels read.

    elements : one (Plan, members, slope [n], shift [n], base, factor, offset) an element, Plans (networks/plans.py) of
    one kind; members : the layers of plans.network_tables of each member of a committee, usually one. A network's
    input is slope * (G - shift) + base, an atom's energy factor * E_NN + offset, E_NN the mean of the
    members'. ranges : one (min [n], max [n]) of the training set an element, not finite where unknown; None: nothing is
    known. nearest : of distances to the nearest atom of each element, native, float64 [4, n_elements, n_elements], low,
    high, per_below, per_above (hd_distances); or None.
    precision : one of PRECISIONS; "mixed": descriptors and their gradients in float, sums
    over neighbours and the networks in double. One thread of Python at a time may call `values`, `vjp`,
    `energy_forces` and `deviations`, which share scratch memory.
    kind : of the descriptors, as the list of ext/networks/descriptors.h names them
    """

    cdef hd_element *elements
    cdef object arrays
    cdef readonly int64_t n_elements
    cdef readonly int64_t n_functions  # of the element that has most
    cdef readonly int64_t n_members
    cdef readonly int64_t n_more  # inputs of a network beyond its descriptors
    cdef readonly str precision
    cdef readonly str kind
    cdef int kind_number
    cdef list memory  # of each thread
    cdef hd_scratch *scratch[MOST_THREADS]
    cdef double[::1] spare  # forces of all threads but the first: zeros between calls
    cdef int64_t room

    def __cinit__(self, elements, ranges=None, str precision="double", nearest=None):
        if precision not in PRECISIONS:
            raise ValueError("precision is double or mixed")
        self.precision = precision
        self.n_elements = len(elements)
        self.room, self.memory, self.spare = -1, [], np.zeros(0)
        self.elements = <hd_element *>calloc(len(elements), sizeof(hd_element))
        if self.elements == NULL:
            raise MemoryError
        if not 0 < self.n_elements <= HD_ELEMENTS:
            raise ValueError("1 to 64 elements")
        self.kind = elements[0][0].kind
        self.kind_number = _number_of(self.kind)
        self.n_members = len(elements[0][1])
        if not 0 < self.n_members <= HD_MEMBERS:
            raise ValueError("1 to 100 members")
        self.arrays = []
        cdef int64_t e
        cdef uintptr_t seen = self._keep(distances(nearest, self.n_elements), 8)
        for e in range(self.n_elements):
            self._take(&self.elements[e], elements[e], None if ranges is None else ranges[e])
            distances_of(&self.elements[e].nearest, seen, self.n_elements, e)

    def __dealloc__(self):
        if self.elements != NULL:
            for e in range(self.n_elements):
                if self.elements[e].members != NULL:
                    for m in range(self.n_members):
                        free(<void *>self.elements[e].members[m].layers)
                free(self.elements[e].members)
        free(self.elements)

    cdef uintptr_t _keep(self, array, size_t itemsize) except? 0:
        """Address of an own, contiguous copy of the array at the start of a cache line."""
        if array.dtype.itemsize != itemsize:
            raise ValueError(f"tables of {self.kind} differ in Python and in ext/: rebuild mdcore")
        memory = np.zeros(array.nbytes + 64, dtype=np.uint8)
        memory = memory[-memory.ctypes.data % 64 :][: array.nbytes]
        memory[:] = np.frombuffer(array.tobytes(), dtype=np.uint8)
        self.arrays.append(memory)
        return memory.ctypes.data

    cdef uintptr_t _tables(self, plan) except? 0:
        """Address of the struct of pointers to the tables of a plan."""
        cdef const size_t *rows = kernels().descriptors[self.kind_number].precision[0].rows
        cdef int n = 0
        while n < HD_TABLES and rows[n]:
            n += 1
        if plan.kind != self.kind or len(plan.tables) != n:
            raise ValueError("descriptors of one kind, with the tables of that kind")
        pointers = np.array([self._keep(table, rows[m]) for m, table in enumerate(plan.tables)], dtype=np.uintp)
        return self._keep(pointers, sizeof(void *))

    cdef _take(self, hd_element *to, element, known):
        plan, members, slope, shift, base, factor, offset = element
        to.plan.descriptor, to.plan.n_functions = <const void *>self._tables(plan), plan.n_functions
        self.n_functions = max(self.n_functions, plan.n_functions)
        if len(members) != self.n_members:
            raise ValueError("as many members of every element")
        more = [layers[0][3] - plan.n_functions for layers in members]
        if to == self.elements:
            self.n_more = more[0]
            if not 0 <= self.n_more <= 1:
                raise ValueError("a network sees descriptors and at most one number more")
        if len(slope) != plan.n_functions or len(shift) != plan.n_functions or set(more) - {self.n_more}:
            raise ValueError("descriptors, scaling and network inputs differ in number")
        to.slope = <const double *>self._keep(slope, 8)
        to.shift = <const double *>self._keep(shift, 8)
        to.base, to.factor, to.offset = base, factor, offset
        low, high = np.array((np.full(len(slope), np.nan),) * 2 if known is None else known, dtype=np.float64)
        if len(low) != len(slope):
            raise ValueError("one range a descriptor")
        unknown = ~(np.isfinite(low) & np.isfinite(high))
        low[unknown], high[unknown] = -np.inf, np.inf
        width = np.where(unknown | (high <= low), 1.0, high - low)
        slack = width * (self.precision == "mixed") * 1e-5  # descriptors in float are off by up to 2e-6 of themselves
        low, high = low - slack, high + slack
        to.low, to.high = <const double *>self._keep(low, 8), <const double *>self._keep(high, 8)
        to.per_width = <const double *>self._keep(1.0 / width, 8)
        to.members = <hd_network *>calloc(len(members), sizeof(hd_network))
        if to.members == NULL:
            raise MemoryError
        to.n_members = len(members)
        for m, layers in enumerate(members):
            self._take_network(&to.members[m], layers)

    cdef _take_network(self, hd_network *to, layers):
        cdef hd_layer *own = <hd_layer *>calloc(len(layers), sizeof(hd_layer))
        if own == NULL:
            raise MemoryError
        to.layers, to.n_layers, to.widest = own, len(layers), 0
        for m, (weights, transposed, biases, n_in, n_out, activation, scale) in enumerate(layers):
            own[m].weights = <double *>self._keep(weights, 8)
            own[m].transposed = <double *>self._keep(transposed, 8)
            own[m].biases = <double *>self._keep(biases, 8)
            own[m].n_in, own[m].n_out, own[m].activation, own[m].scale = n_in, n_out, activation, scale
            to.widest = max(to.widest, (n_in + 3) // 4 * 4, (n_out + 3) // 4 * 4)

    cdef hd_scratch *_scratch(self, int64_t most, int64_t threads=1) except NULL:
        """Scratch memory for environments of up to `most` neighbours in self.scratch [threads]; the first one."""
        cdef const hd_kernels *level = kernels()
        cdef const hd_descriptors *k = level.descriptors[self.kind_number].precision[PRECISIONS.index(self.precision)]
        cdef signed char[::1] memory
        cdef char *at
        cdef int64_t m
        if most > self.room:
            self.room, self.memory = most + most // 4 + 16, []
        cdef size_t size = level.scratch(k, self.elements, self.n_elements, self.room, NULL) + 64
        if self.memory and len(self.memory[0]) < size:  # CPU levels differ
            self.memory = []
        while len(self.memory) < threads:
            self.memory.append(np.empty(size, dtype=np.int8))
        for m in range(threads):
            memory = self.memory[m]
            at = <char *>&memory[0]
            at += (64 - <uintptr_t>at % 64) % 64
            level.scratch(k, self.elements, self.n_elements, self.room, at)
            self.scratch[m] = <hd_scratch *>at
        return self.scratch[0]

    def values(self, int32_t[::1] centers, int64_t[:, ::1] first, double[::1] x, double[::1] y, double[::1] z):
        """Descriptors G float64 [n, n_functions] of a block of environments.

        centers : elements [n]; first : [n, n_elements + 1], the neighbours of atom a that are element e are
        first[a, e] ... first[a, e + 1] - 1 of x, y, z [n_edges], r_ij = r_j - r_i, native length
        """
        cdef double[:, ::1] g = np.zeros((centers.shape[0], self.n_functions))
        self._block(centers, first, x, y, z, g)
        return np.asarray(g)

    def vjp(self, int32_t[::1] centers, int64_t[:, ::1] first, double[::1] x, double[::1] y, double[::1] z,
            double[:, ::1] de_dg):
        """Edge gradients sum_f de_dg_f dG_f/dr_ij, float64 [3, n_edges]; de_dg : [n, n_functions]"""
        out = np.zeros((3, x.shape[0]))
        cdef double[:, ::1] g = np.empty((1, self.n_functions))
        self._block(centers, first, x, y, z, g, de_dg, out)
        return out

    cdef _block(self, int32_t[::1] centers, int64_t[:, ::1] first, double[::1] x, double[::1] y, double[::1] z,
                double[:, ::1] g, double[:, ::1] de_dg=None, double[:, ::1] edges=None):
        """values into g (row a, or the only row), then, where given, vjp of `de_dg` into `edges`."""
        cdef int64_t n = centers.shape[0], a, n_edges = x.shape[0]
        if de_dg is not None and (de_dg.shape[0] != n or de_dg.shape[1] != self.n_functions):
            raise ValueError("one row of n_functions an environment")
        cdef double nothing = 0.0
        cdef hd_scratch *scratch = self._scratch(_most_neighbors(self, centers, first, x, y, z))
        cdef hd_environment env
        cdef const hd_plan *plan
        env.x = env.y = env.z = &nothing
        cdef double *to[3]
        to[0] = to[1] = to[2] = &nothing
        if n_edges:
            env.x, env.y, env.z = &x[0], &y[0], &z[0]
            if edges is not None:
                to[0], to[1], to[2] = &edges[0, 0], &edges[1, 0], &edges[2, 0]
        cdef bint many = g.shape[0] == n, gradients = edges is not None
        with nogil:
            for a in range(n):
                env.first = &first[a, 0]
                plan = &self.elements[centers[a]].plan
                scratch.kernels.values(plan.descriptor, &env, scratch.work, &g[a if many else 0, 0])
                if gradients:
                    scratch.kernels.vjp(plan.descriptor, &env, scratch.work, &de_dg[a, 0], to[0], to[1], to[2])

    def network(self, int element, x, int member=0):
        """E_NN [n] and dE_NN/dx [n, n_inputs] of one member for inputs x [n, n_inputs]"""
        cdef const hd_network *net = self._network(element, member)
        cdef int64_t n_in = net.layers[0].n_in, n = len(x), width = (n_in + 3) // 4 * 4
        x = np.asarray(x, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != n_in:
            raise ValueError("x is [n, n_inputs]")
        cdef double[:, ::1] padded = np.zeros((max(n, 1), width)), slopes = np.zeros((max(n, 1), width))
        cdef double[::1] energy = np.zeros(max(n, 1)), work = np.empty((2 * net.n_layers + 1) * net.widest)
        np.asarray(padded)[:n, :n_in] = x
        cdef const hd_kernels *k = kernels()
        with nogil:
            k.network(net, n, &padded[0, 0], &energy[0], &slopes[0, 0], &work[0])
        return np.asarray(energy)[:n], np.asarray(slopes)[:n, :n_in]

    def gradients(self, int element, x, a, v=None, segments=None, bint inputs=False):
        """dL/dw float64 [n_segments, n_parameters] of L = sum_i (a_i E_i + v_i . dE_i/dx), summed within each segment.

        x : [n, n_inputs]; a : [n]; v : [n, n_inputs] or None; segments : [n_segments + 1], ascending from 0 to n, or
        None: all in one. E is E_NN; parameters are in the order of ElementNetwork.flat(). With inputs=True:
        (dL/dw, E [n], dE/dx [n, n_inputs], dL/dx [n, n_inputs]). Several threads may call it at a time.
        """
        cdef const hd_network *net = self._network(element)
        cdef int64_t n = len(x), n_in = net.layers[0].n_in, v_row = 0
        cdef const hd_kernels *k = kernels()
        cdef const double[:, :] xs = _rows(x, n, n_in), vs
        cdef const double[::1] weights = np.ascontiguousarray(a, dtype=np.float64)
        segments = np.array([0, n] if segments is None else segments, dtype=np.int64)
        cdef const int64_t[::1] bounds = segments
        cdef const double *tangents = NULL
        if inputs and v is None:
            v = np.zeros((n, n_in))
        if v is not None:
            vs = _rows(v, n, n_in)
            tangents, v_row = &vs[0, 0], vs.strides[0] // 8
        if weights.shape[0] != n:
            raise ValueError("a is [n]")
        last = len(segments) - 1  # -1 is no index where wraparound is off
        if last < 0 or segments[0] != 0 or segments[last] != n or np.diff(segments).min(initial=0) < 0:
            raise ValueError("segments ascend from 0 to n")
        cdef double[:, ::1] dl_dw = np.empty((bounds.shape[0] - 1, self.n_parameters(element)))
        cdef double[::1] energy = np.empty(n), work = np.empty(k.gradients_work(net) + 8)
        cdef double[:, ::1] de_dx = np.empty((n if inputs else 0, n_in)), dl_dx = np.empty_like(de_dx)
        cdef double *at = &work[0]
        at += (64 - <uintptr_t>at % 64) % 64 // 8
        with nogil:
            k.network_gradients(net, n, &xs[0, 0], xs.strides[0] // 8, &weights[0], tangents, v_row,
                                bounds.shape[0] - 1, &bounds[0], &dl_dw[0, 0], &energy[0] if inputs else NULL,
                                &de_dx[0, 0] if inputs else NULL, &dl_dx[0, 0] if inputs else NULL, at)
        if inputs:
            return np.asarray(dl_dw), np.asarray(energy), np.asarray(de_dx), np.asarray(dl_dx)
        return np.asarray(dl_dw)

    def n_parameters(self, int element):
        """Weights and biases of an element's network."""
        cdef const hd_network *net = self._network(element)
        return sum((net.layers[m].n_in + 1) * net.layers[m].n_out for m in range(net.n_layers))

    def set_parameters(self, int element, const double[::1] parameters):
        """New weights and biases for an element, in the order of ElementNetwork.flat()."""
        if parameters.shape[0] != self.n_parameters(element):
            raise ValueError(f"expected {self.n_parameters(element)} parameters, found {parameters.shape[0]}")
        kernels().set_parameters(&parameters[0], self._network(element))

    cdef hd_network *_network(self, int element, int member=0) except NULL:
        if not (0 <= element < self.n_elements and 0 <= member < self.n_members):
            raise ValueError("no such element or member")
        return &self.elements[element].members[member]

    def energy_forces(self, double[:, ::1] x, double[:, ::1] f, int64_t[::1] first, int32_t[::1] index,
                      int32_t[:, ::1] bounds, int32_t[::1] species_of, int32_t[::1] element_of, units,
                      int64_t[::1] energy, double[::1] atom_energy=None, *, int64_t n_total=-1, int64_t threads=1,
                      double[:, ::1] atom_virial=None, int32_t[::1] outside=None, int32_t[::1] worst=None,
                      double[::1] excess=None, double[:, ::1] descriptors=None, double[::1] apart=None,
                      double[:, ::1] nearest=None):
        """Add forces to f (rows of owned atoms and ghosts); energy [3] gets the limbs of the energy.

        x, f : [capacity, 4]; first, index, bounds : a full list in canonical order; species_of : [n_elements],
        element_of : [n_species]; units : (native lengths per Angstrom, eV per native energy, eV/Angstrom per
        native gradient, cutoff in native length); n_total : owned atoms and ghosts (default: all rows).

        threads : so many share the work; the results are the same bits for any number. What else is told of each
        owned atom, if arrays are given: atom_energy [>= n_owned], energies are added; atom_virial [>= n_total, 9], of
        ghosts, too (by one thread); outside int32 [>= n_owned], the number of descriptors and distances outside the
        range of training, worst int32, which descriptor is farthest outside (-1: none), and excess, how far, in units
        of max - min; descriptors [>= n_owned, n_functions], raw G, zeros behind them; nearest [>= n_owned, n_elements],
        how far the nearest atom of each element is, native, and apart, how far outside that is (both or none)
        """
        cdef int64_t n = first.shape[0] - 1
        if f.shape[1] != 4 or f.shape[0] != x.shape[0] or energy.shape[0] != 3:
            raise ValueError("x and f are [capacity, 4], energy [3]")
        if self.n_more:
            raise ValueError("these networks see more than descriptors")
        n_total = x.shape[0] if n_total < 0 else n_total
        cdef hd_atoms atoms = self._atoms(x, first, index, bounds, species_of, element_of, n_total)
        if outside is None and (worst is not None or excess is not None):
            outside = np.empty(n, dtype=np.int32)
        if outside is not None:
            worst = np.empty(n, dtype=np.int32) if worst is None else worst
            excess = np.empty(n) if excess is None else excess
        cdef hd_notes notes = notes_of(self, n, outside, worst, excess, apart, nearest, descriptors, atom_energy)
        cdef hd_units u
        u.per_length, u.energy, u.gradient, u.cutoff = units
        cdef const hd_kernels *k = kernels()
        assert atom_virial is None or (atom_virial.shape[0] >= n_total and atom_virial.shape[1] == 9)
        threads = self._workers(first, threads if atom_virial is None else 1)
        cdef int64_t room = 4 * n_total * (threads - 1)
        if self.spare.shape[0] < room:
            self.spare = np.zeros(room + room // 8)
        cdef double *spare = &self.spare[0] if room else NULL
        energy[:] = 0
        if n == 0:
            return
        atoms.f = &f[0, 0]
        notes.virial = NULL if atom_virial is None else &atom_virial[0, 0]
        with nogil:
            k.energy_forces(self.elements, self.n_elements, &u, &atoms, n, n_total, threads, self.scratch, spare,
                            &energy[0], &notes)

    cdef hd_atoms _atoms(self, double[:, ::1] x, int64_t[::1] first, int32_t[::1] index, int32_t[:, ::1] bounds,
                         int32_t[::1] species_of, int32_t[::1] element_of, int64_t n_total) except *:
        """What kernels see of the engine, but for the forces."""
        cdef int64_t n = first.shape[0] - 1
        cdef hd_atoms atoms
        if species_of.shape[0] != self.n_elements or bounds.shape[0] < n or bounds.shape[1] != element_of.shape[0] + 1:
            raise ValueError("species_of is [n_elements], bounds [n_owned, n_species + 1]")
        if x.shape[1] != 4 or not n <= n_total <= x.shape[0]:
            raise ValueError("x is [capacity, 4], n_total counts rows of it")
        atoms.n_species, atoms.f = element_of.shape[0], NULL
        atoms.x, atoms.index = NULL, NULL
        if n:
            atoms.x, atoms.first, atoms.bounds = &x[0, 0], &first[0], &bounds[0, 0]
            atoms.index = &index[0] if index.shape[0] else <const int32_t *>&bounds[0, 0]
            atoms.species_of, atoms.element_of = &species_of[0], &element_of[0]
        return atoms

    cdef int64_t _workers(self, int64_t[::1] first, int64_t threads) except -1:
        """How many of `threads` can share these rows of a list; each has scratch memory then."""
        if not 1 <= threads <= MOST_THREADS:
            raise ValueError("threads is 1 to 512")
        threads = min(threads, max(first.shape[0] - 1, 1)) if kernels().openmp else 1
        global started_in
        if threads > 1 and started_in != os.getpid():
            if started_in:
                threads = 1
            else:
                started_in = os.getpid()
        self._scratch(int(np.diff(np.asarray(first)).max(initial=0)), threads)
        return threads


include "_hdnnp_descriptors.pxi"
include "_hdnnp_tangents.pxi"
include "_hdnnp_md.pxi"
