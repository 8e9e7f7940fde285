# The numbers of a density network as the kernels see them, and as they stand in theta; a part of _density.pyx.


def shapes(sizes, program):
    """[(name, layer, shape)] of the numbers of a folded model, in the order in which they stand in `theta`; sizes : as
    of `Densities`; program : coupling.Program. layer -1: of none."""
    S, T, K, L = sizes["species"], sizes["layers"], sizes["channels"], sizes["l_max"] + 1
    B, N, H = sizes["mixed"], sizes["radial"], sizes["hidden"]
    found = []
    for t in range(T):
        found += [("radial", t, (S, S, B, N)), ("mix", t, (S, S, L, B, K) if t == 0 else (S, L, B, K))]
        found.append(("product", t, (S, program.n_invariants, K)))
        if t and program.n_vectors:
            found.append(("couple", t, (program.n_paths, K)))
        if t < T - 1:
            found += [("carry", t, (S, (t + 1) * K, K)), ("shift", t, (S, K))]
            if program.n_vectors:
                found += [("vector", t, (S, program.n_vectors, K)), ("carry_vector", t, (K, K))]
    return [*found, ("energy", -1, (S,)), ("linear", -1, (S, T * K)), ("hidden", -1, (S, T * K, H)),
            ("bias", -1, (S, H)), ("out", -1, (S, H))]


BLOCKED = {"mix": 3, "product": 2, "vector": 2, "couple": 2}  # arrays of channels, with so many axes of a block


def _blocked(shape, leading, lanes):
    """[leading, ..., K] -> [leading, K / lanes, ..., lanes]"""
    return (*shape[:leading], shape[len(shape) - 1] // lanes, *shape[leading : len(shape) - 1], lanes)


cdef const void *_memory(array):
    return <const void *><uintptr_t>array.ctypes.data


cdef class _Tables:
    """The numbers of a model, or their derivatives, as the kernels see them."""

    cdef dn_model model
    cdef readonly list arrays  # [(array, a view of it whose axes are in the order of theta's, where in theta, coupling.Steps)]
    cdef object program

    def __init__(self, sizes, program, int64_t lanes, dtype):
        cdef dn_sizes *n = &self.model.n
        n.species, n.layers, n.channels, n.l_max = (sizes[name] for name in ("species", "layers", "channels", "l_max"))
        n.radial, n.mixed, n.hidden, n.cutoff = (sizes[name] for name in ("radial", "mixed", "hidden", "cutoff"))
        n.envelope = sizes["envelope"]
        n.parts = program.parts
        steps = program.steps
        rows = steps.pairs, steps.terms, program.vectors, program.couples, steps.slopes, steps.links, steps.first
        values = steps.pair_values, program.vector_values, program.couple_values, steps.slope_values
        self.program = [np.ascontiguousarray(own, dtype=np.int32) for own in rows]
        self.program += [np.ascontiguousarray(own, dtype=dtype) for own in values]
        cdef dn_program *p = &self.model.program
        p.pairs = <const int32_t *>_memory(self.program[0])
        p.terms = <const int32_t *>_memory(self.program[1])
        p.vectors = <const int32_t *>_memory(self.program[2])
        p.couples = <const int32_t *>_memory(self.program[3])
        p.slopes = <const int32_t *>_memory(self.program[4])
        p.links = <const int32_t *>_memory(self.program[5])
        p.first_link = <const int32_t *>_memory(self.program[6])
        p.pair_values = _memory(self.program[7])
        p.vector_values = _memory(self.program[8])
        p.couple_values = _memory(self.program[9])
        p.slope_values = _memory(self.program[10])
        p.n_pair_terms, p.n_terms, p.n_vector_terms, p.n_couples = map(len, self.program[:4])
        p.n_pairs, p.n_invariants = steps.n_pairs, program.n_invariants
        p.n_vectors, p.n_paths = program.n_vectors, program.n_paths
        self.arrays, place = [], 0
        cdef uintptr_t at
        cdef dn_layer *layer
        for name, t, shape in shapes(sizes, program):
            if name in BLOCKED:  # [..., K] -> [..., block, (l, mixed | ...), lanes]
                leading = len(shape) - BLOCKED[name]
                own = _aligned(_blocked(shape, leading, lanes), dtype)
                view = np.moveaxis(own, leading, -2)  # [..., l, mixed, block, lanes]
            else:
                radial = name == "radial"
                own = _aligned((*shape[:2], shape[3], shape[2]) if radial else shape, dtype if radial else np.float64)
                view = own.swapaxes(2, 3) if radial else own
            self.arrays.append((own, view, slice(place, place + own.size), steps if name == "product" else None))
            place += own.size
            at = own.ctypes.data
            if t < 0:
                if name == "energy":
                    self.model.energy = <double *>at
                elif name == "linear":
                    self.model.linear = <double *>at
                elif name == "hidden":
                    self.model.hidden = <double *>at
                elif name == "bias":
                    self.model.bias = <double *>at
                else:
                    self.model.out = <double *>at
                continue
            layer = &self.model.layer[<int>t]
            if name == "radial":
                layer.radial = <void *>at
            elif name == "mix":
                layer.mix = <void *>at
            elif name == "product":
                layer.product = <void *>at
            elif name == "vector":
                layer.vector = <void *>at
            elif name == "couple":
                layer.couple = <void *>at
            elif name == "carry_vector":
                layer.carry_vector = <double *>at
            elif name == "carry":
                layer.carry = <double *>at
            else:
                layer.shift = <double *>at

    def put(self, theta):
        """Take the numbers of theta."""
        for _, view, place, steps in self.arrays:
            own = theta[place].reshape(view.shape)
            view[...] = own if steps is None else steps.turned(own)

    def add_to(self, theta):
        """Add the numbers to theta."""
        for _, view, place, steps in self.arrays:
            to = theta[place].reshape(view.shape)
            to += view if steps is None else steps.turned_back(view)

    def clear(self):
        for own, *_ in self.arrays:
            own.fill(0)
