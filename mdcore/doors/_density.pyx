# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# cython: freethreading_compatible=True
"""Where does Python meet the kernels of density networks?

Tables and arrays are checked here; the kernels of the CPU level that `_kernels` selected are called.
"""

from libc.stdint cimport int32_t, int64_t, uintptr_t
from libc.string cimport memcpy

import os

import numpy as np

from mdcore.doors import _kernels
from mdcore.doors._hdnnp import distances

cdef enum:
    MOST_THREADS = 512

cdef int64_t started_in = 0  # the process that has started threads; a child that it forks can't use them

PRECISIONS = ("double", "mixed")
SEND, FINISH, RETURN = DN_SEND, DN_FINISH, DN_RETURN
MOST_LAYERS, MOST_DEGREE = DN_LAYERS, DN_DEGREE
MOST_RADIAL, MOST_HIDDEN = 32, 128


cdef const dn_kernels *kernels() except NULL:
    name = _kernels.cpu_name().encode()
    return dn_select(name)


def most_threads():
    """The largest number of threads that do any good: 1 if the kernels were built without OpenMP."""
    return MOST_THREADS if kernels().openmp else 1


cdef _aligned(shape, dtype):
    """Zeros at the start of a cache line."""
    n = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(n + 64, dtype=np.uint8)
    return memory[-memory.ctypes.data % 64 :][:n].view(dtype).reshape(shape)


cdef class Edges:
    """A structure as a graph: all ordered pairs of atoms closer than the cutoff.

    first : int64 [n + 1], those around atom i are first[i] ... first[i + 1] - 1; j : int32 [edges], the other atom, or
    the one that it is an image of; d : float64 [edges, 3], r_j - r_i, Angstrom; species : int32 [n]
    """

    cdef dn_graph graph
    cdef readonly object arrays
    cdef readonly int64_t n

    def __init__(self, first, j, d, species):
        first, j = np.ascontiguousarray(first, dtype=np.int64), np.ascontiguousarray(j, dtype=np.int32)
        d, species = np.asarray(d, dtype=np.float64).reshape(-1, 3), np.ascontiguousarray(species, dtype=np.int32)
        n = self.n = len(species)
        if len(first) != n + 1 or first[0] != 0 or first[n] != len(j) or len(d) != len(j) or (np.diff(first) < 0).any():
            raise ValueError("first is [n + 1], from 0 to the number of edges; j and d are of all edges")
        if len(j) and not (0 <= j.min() and j.max() < n):
            raise ValueError("j is the number of an atom")
        around = np.repeat(np.arange(n), np.diff(first))
        order = np.lexsort((j, species[j], around))
        self.arrays = first, np.ascontiguousarray(j[order]), np.ascontiguousarray(d[order]), species
        self._bind(int(np.diff(first).max(initial=0)))

    cdef _bind(self, int64_t most):
        """The graph of these arrays."""
        cdef int64_t[::1] firsts = self.arrays[0]
        cdef int32_t[::1] js = self.arrays[1]
        cdef double[:, ::1] ds = self.arrays[2]
        cdef int32_t[::1] kinds = self.arrays[3]
        self.graph.n, self.graph.most = self.n, most
        if self.n:
            self.graph.first, self.graph.species = &firsts[0], &kinds[0]
        if js.shape[0]:
            self.graph.j, self.graph.d = &js[0], &ds[0, 0]


def joined(parts):
    """Edges of several structures, [Edges], as of one, far from each other."""
    cdef Edges own, found = Edges.__new__(Edges)
    cdef int64_t n = 0, edges = 0, most = 0, size, i
    for own in parts:
        n += own.n
        edges += own.graph.first[own.n] if own.n else 0
        most = max(most, own.graph.most)
    found.n = n
    found.arrays = np.zeros(n + 1, np.int64), np.empty(edges, np.int32), np.empty((edges, 3)), np.empty(n, np.int32)
    cdef int64_t[::1] first = found.arrays[0]
    cdef int32_t[::1] j = found.arrays[1]
    cdef double[:, ::1] d = found.arrays[2]
    cdef int32_t[::1] species = found.arrays[3]
    n = edges = 0
    for own in parts:
        if not own.n:
            continue
        size = own.graph.first[own.n]
        for i in range(own.n):
            first[n + i + 1] = edges + own.graph.first[i + 1]
            species[n + i] = own.graph.species[i]
        for i in range(size):
            j[edges + i] = <int32_t>n + own.graph.j[i]
        if size:
            memcpy(&d[edges, 0], own.graph.d, 3 * size * sizeof(double))
        n += own.n
        edges += size
    found._bind(most)
    return found


include "_density_tables.pxi"


cdef class Densities:
    """A density network as tables that the kernels read.

    sizes : {"species", "layers", "channels", "l_max", "radial", "mixed", "hidden", "envelope": int,
        "cutoff": Angstrom}
    program : coupling.Program; theta : float64 [n_theta], the folded model, in the order of `shapes`
    precision : one of PRECISIONS; "mixed": densities, products and their derivatives in float; `number` is the dtype
        of these, and of messages
    nearest : of distances to the nearest atom of each species, as for Networks

    `evaluate`, `gradient`, `messages` and `densities` may be called by several threads of Python at a time. What a call
    needs to work it leaves to the next one.
    """

    cdef _Tables tables
    cdef readonly dict sizes
    cdef readonly object program
    cdef readonly str precision
    cdef readonly object number
    cdef readonly int64_t n_theta
    cdef const dn_channels *channels
    cdef list memory  # of each thread of `run`
    cdef void *scratch[MOST_THREADS]
    cdef int64_t room
    cdef object spare
    cdef object seen, rows  # what training saw of distances, and hd_distances [species] of it
    cdef list idle, idle_sums  # (most neighbours, tangents, memory) and _Tables of zeros that nobody uses now

    def __init__(self, sizes, program, theta, str precision="double", nearest=None):
        if precision not in PRECISIONS:
            raise ValueError("precision is double or mixed")
        s = self.sizes = dict(sizes)
        if s["channels"] % 16 or s["channels"] < 16 or s["mixed"] % 4 or s["mixed"] < 4 or s["hidden"] % 4:
            raise ValueError("channels are a multiple of 16, mixed and hidden of 4")
        if not (1 <= s["layers"] <= DN_LAYERS and 0 <= s["l_max"] <= DN_DEGREE and 1 <= s["radial"] <= MOST_RADIAL
                and 0 <= s["hidden"] <= MOST_HIDDEN and s["species"] >= 1):
            raise ValueError("layers, l_max, radial or hidden out of range")
        if not 2 <= s["envelope"] <= 32:  # DN_ENVELOPE
            raise ValueError("an envelope has an exponent of 2 to 32")
        if program.l_max != s["l_max"]:
            raise ValueError("the program is of another l_max")
        self.program, self.precision = program, precision
        self.channels = kernels().precision[PRECISIONS.index(precision)]
        self.number = np.dtype(np.float32 if precision == "mixed" else np.float64)
        self.tables = self._tables()
        self.n_theta = sum(int(np.prod(shape)) for _, _, shape in shapes(s, program))
        self.room, self.memory, self.spare = -1, [], np.zeros(0)
        self.idle, self.idle_sums = [], []
        self.seen = distances(nearest, s["species"])
        at = np.arange(4 * s["species"], dtype=np.uintp).reshape(4, -1).T * np.uintp(8 * s["species"])
        self.rows = np.ascontiguousarray(self.seen.ctypes.data + at, dtype=np.uintp)
        self.set(theta)

    def _tables(self):
        return _Tables(self.sizes, self.program, self.channels.lanes, self.number)

    def set(self, theta):
        """Take other numbers, float64 [n_theta]."""
        theta = np.asarray(theta, dtype=np.float64)
        if theta.shape != (self.n_theta,):
            raise ValueError(f"theta is [{self.n_theta}], not {theta.shape}")
        self.tables.put(theta)

    cdef _scratch(self, int64_t most, int tangents):
        """Memory for an atom with so many neighbours."""
        memory = _aligned(kernels().scratch(&self.tables.model, self.channels, most, tangents, NULL), np.uint8)
        kernels().scratch(&self.tables.model, self.channels, most, tangents, <char *><uintptr_t>memory.ctypes.data)
        return memory

    cdef _borrow(self, int64_t most, int tangents):
        """(most, tangents, memory) for an atom with so many neighbours: back to `idle` afterwards."""
        try:
            found = self.idle.pop()
        except IndexError:  # all are in use
            found = (-1, 0, None)
        if found[0] >= most and found[1] >= tangents:
            return found
        return (most, tangents, self._scratch(most, tangents))

    def evaluate(self, Edges edges):
        """(energies float64 [n], forces [n, 3], virial [3, 3] = - sum over edges of d (x) dE/dd), eV and Angstrom."""
        return self._evaluate(edges)[:3]

    def messages(self, Edges edges):
        """The features of all layers, float64 [n, layers * channels]."""
        return self._evaluate(edges)[3]

    def _evaluate(self, Edges edges):
        cdef int64_t n = edges.n
        borrowed = self._borrow(edges.graph.most, 0)
        cdef void *scratch = <void *><uintptr_t>borrowed[2].ctypes.data
        cdef double[::1] room = np.empty(max(dn_graph_room(&self.tables.model.n, n), 1))
        cdef double[::1] energies = np.zeros(n)
        cdef double[:, ::1] forces = np.zeros((n, 3)), virial = np.zeros((3, 3))
        cdef double[:, ::1] x = np.zeros((n, self.sizes["layers"] * self.sizes["channels"]))
        cdef const dn_kernels *k = kernels()
        if n:
            with nogil:
                k.evaluate(&self.tables.model, self.channels, &edges.graph, scratch, &room[0], &energies[0],
                           &forces[0, 0], &virial[0, 0], &x[0, 0])
        self.idle.append(borrowed)
        return np.asarray(energies), np.asarray(forces), np.asarray(virial), np.asarray(x)

    def gradient(self, Edges edges, weights, tangent, strain, out):
        """Add to out [n_theta] d/dtheta of sum of weights_i E_i + sum over edges of
        (tangent_j - tangent_i + d strain) . dE/dd.

        weights : float64 [n], or one number; tangent : [n, 3]; strain : [3, 3]
        """
        cdef int64_t n = edges.n
        cdef double[:, ::1] v = np.ascontiguousarray(tangent, dtype=np.float64)
        cdef double[:, ::1] e = np.ascontiguousarray(strain, dtype=np.float64)
        if v.shape[0] != n or v.shape[1] != 3 or e.shape[0] != 3 or e.shape[1] != 3:
            raise ValueError("tangent is [n, 3], strain [3, 3]")
        if out.shape != (self.n_theta,) or out.dtype != np.float64:
            raise ValueError(f"out is float64 [{self.n_theta}]")
        if not n:
            return
        cdef double[::1] a = np.array(np.broadcast_to(weights, n), dtype=np.float64)
        borrowed = self._borrow(edges.graph.most, 1)
        cdef void *scratch = <void *><uintptr_t>borrowed[2].ctypes.data
        cdef double[::1] room = np.empty(dn_graph_room(&self.tables.model.n, n))
        cdef _Tables to
        try:
            to = self.idle_sums.pop()
        except IndexError:
            to = self._tables()
        cdef const dn_kernels *k = kernels()
        with nogil:
            k.gradient(&self.tables.model, self.channels, &edges.graph, scratch, &room[0], &a[0], &v[0, 0], &e[0, 0],
                       &to.model)
        to.add_to(out)
        to.clear()
        self.idle_sums.append(to)
        self.idle.append(borrowed)

    def densities(self, Edges edges, int64_t layer):
        """A of a layer, float64 [n, (l_max + 1)^2, channels]."""
        if not 0 <= layer < self.sizes["layers"]:
            raise ValueError("no such layer")
        cdef int64_t n = edges.n
        borrowed = self._borrow(edges.graph.most, 0)
        cdef void *scratch = <void *><uintptr_t>borrowed[2].ctypes.data
        cdef double[::1] room = np.empty(max(dn_graph_room(&self.tables.model.n, n), 1))
        cdef double[:, :, ::1] a = np.zeros((n, (self.sizes["l_max"] + 1) ** 2, self.sizes["channels"]))
        cdef const dn_kernels *k = kernels()
        if n:
            with nogil:
                k.densities(&self.tables.model, self.channels, &edges.graph, scratch, &room[0], layer, &a[0, 0, 0])
        self.idle.append(borrowed)
        return np.asarray(a)

    # --- molecular dynamics ---------------------------------------------------------------------------------

    cdef int64_t _workers(self, const int64_t[::1] first, int64_t threads) except -1:
        """So many workers may run, each with scratch memory for the longest row, and spare rows."""
        global started_in
        cdef int64_t i, most = 0
        for i in range(first.shape[0] - 1):
            most = max(most, first[i + 1] - first[i])
        threads = min(threads, most_threads(), max(first.shape[0] - 1, 1))
        if threads > 1 and started_in not in (0, os.getpid()):
            threads = 1
        if threads > 1:
            started_in = os.getpid()
        if most > self.room:
            self.room, self.memory = most + most // 4 + 8, []
        for i in range(len(self.memory), threads):
            self.memory.append(self._scratch(self.room, 0))
            self.scratch[i] = <void *><uintptr_t>self.memory[i].ctypes.data
        return threads

    def run(self, passes, double[:, ::1] x, double[:, ::1] f, const int64_t[::1] first,
            const int32_t[::1] index, const int32_t[:, ::1] bounds, const int32_t[::1] species_of,
            const int32_t[::1] element_of, int64_t n_total, double[:, ::1] features, double[:, ::1] slopes, messages,
            pulls, int32_t[::1] homes=None, int64_t threads=1, bint energy=False, int64_t[::1] limbs=None,
            double[::1] energies=None, double[:, ::1] virials=None, double[::1] weights=None,
            int32_t[::1] outside=None, double[::1] apart=None, double[:, ::1] nearest=None):
        """Passes over owned atoms, [(what, layer)], one after the other. SEND: messages of the next layer; FINISH, of
        the last: energies and forces; RETURN: forces, from pulls of the next layer, whose ghosts' are with their
        owners.

        x, f : rows of four of all atoms; first, index, bounds : a full list in canonical order; species_of :
        [species here], first of the engine's species or -1; element_of : [the engine's species]; features, slopes :
        [>= n_owned, layers * channels], kept from pass to pass; messages, pulls : {layer: [> n_total, parts *
        channels]} of layers from 1 on, parts as the program says, messages of `number`. homes : [n_total], the rows of
        messages and pulls of each atom, or None: its own. With `energy` FINISH tells the sum of energies in limbs [3];
        energies, virials : of atoms, are added. weights : [>= n_owned], forces are those of the energies times these.
        outside, apart [>= n_owned], nearest [>= n_owned, species] : all or none; FINISH tells of distances what
        Networks.energy_forces tells (outside: of distances alone).
        """
        cdef int64_t n = first.shape[0] - 1, t, K = self.sizes["channels"], T = self.sizes["layers"]
        cdef int64_t row = self.tables.model.n.parts * K  # of messages
        cdef int64_t whats[2 * DN_LAYERS]
        cdef int64_t layers[2 * DN_LAYERS]
        cdef int64_t n_passes = 0, p
        cdef bint finishes = False
        cdef dn_atoms atoms
        cdef double[:, ::1] column
        cdef float[:, ::1] singles
        cdef double[::1] spare
        cdef uintptr_t rows = self.rows.ctypes.data
        cdef const dn_kernels *k = kernels()
        if x.shape[0] < n_total or f.shape[0] < n_total or x.shape[1] != 4 or f.shape[1] != 4 or n > n_total:
            raise ValueError("x and f are [n_total, 4]")
        if (bounds.shape[0] < n or bounds.shape[1] != element_of.shape[0] + 1
                or species_of.shape[0] != self.sizes["species"]):
            raise ValueError("bounds are [n_owned, species of the engine + 1]")
        if features.shape[0] < n or features.shape[1] != T * K or slopes.shape[0] < n or slopes.shape[1] != T * K:
            raise ValueError("features and slopes are [n_owned, layers * channels]")
        if len(passes) >= 2 * DN_LAYERS:
            raise ValueError("not so many passes")
        for what, layer in passes:
            if not 0 <= layer < T or (what == DN_FINISH) != (layer == T - 1):
                raise ValueError("no such pass")
            whats[n_passes], layers[n_passes] = what, layer
            n_passes += 1
            finishes = finishes or what == DN_FINISH
        energy = energy and finishes
        if energy and limbs.shape[0] != 3:
            raise ValueError("limbs are [3]")
        if energies is not None and energies.shape[0] < n:
            raise ValueError("energies are [n_owned]")
        if weights is not None and weights.shape[0] < n:
            raise ValueError("weights are [n_owned]")
        if nearest is not None and (min(outside.shape[0], apart.shape[0], nearest.shape[0]) < n
                                    or nearest.shape[1] != self.sizes["species"]):
            raise ValueError("outside and apart are [n_owned], nearest [n_owned, species]")
        if virials is not None and (virials.shape[0] < n_total or virials.shape[1] != 9):
            raise ValueError("virials are [n_total, 9]")
        if energy:
            limbs[0] = limbs[1] = limbs[2] = 0
        if n == 0:
            return
        for t in range(1, T):
            if messages[t].shape[0] < n_total or messages[t].shape[1] != row:
                raise ValueError("messages are [n_total, parts * channels]")
            if self.channels.bytes == 4:
                singles = messages[t]
                atoms.message[t] = &singles[0, 0]
            else:
                column = messages[t]
                atoms.message[t] = &column[0, 0]
            column = pulls[t]
            if column.shape[0] < n_total or column.shape[1] != row:
                raise ValueError("pulls are [n_total, parts * channels]")
            atoms.pull[t] = &column[0, 0]
        atoms.message[0] = atoms.pull[0] = NULL
        if homes is not None and homes.shape[0] < n_total:
            raise ValueError("homes are [n_total]")
        atoms.home = NULL if homes is None else &homes[0]
        if virials is not None:
            threads = 1
        threads = self._workers(first, threads)
        if threads > 1 and len(self.spare) < (threads - 1) * n_total * (4 + row):
            self.spare = np.zeros((threads - 1) * (n_total + n_total // 8) * (4 + row))
        spare = self.spare
        atoms.rows.x, atoms.rows.f, atoms.rows.first, atoms.rows.index = &x[0, 0], &f[0, 0], &first[0], &index[0]
        atoms.rows.bounds, atoms.rows.n_species = &bounds[0, 0], element_of.shape[0]
        atoms.rows.species_of, atoms.rows.element_of = &species_of[0], &element_of[0]
        atoms.n_owned, atoms.n_total = n, n_total
        atoms.x, atoms.x_bar = &features[0, 0], &slopes[0, 0]
        atoms.energies = NULL if energies is None else &energies[0]
        atoms.virials = NULL if virials is None else &virials[0, 0]
        atoms.weights = NULL if weights is None else &weights[0]
        atoms.seen = <const hd_distances *>rows
        atoms.outside, atoms.apart, atoms.nearest = NULL, NULL, NULL
        if nearest is not None:
            atoms.outside, atoms.apart, atoms.nearest = &outside[0], &apart[0], &nearest[0, 0]
        with nogil:
            for p in range(n_passes):
                k.run(&self.tables.model, self.channels, <int>whats[p], layers[p], &atoms, threads, self.scratch,
                      &spare[0] if threads > 1 else NULL,
                      &limbs[0] if energy and whats[p] == DN_FINISH else NULL)
