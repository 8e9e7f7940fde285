#!/bin/sh
# potentials/silicon_density.h5: two density networks, of two layers, taught by slower potentials (docs/benchmarks.md,
# "Taught by slower potentials"), and of one. From the folder of the project: inputs/train_silicon_taught.sh; about 5
# minutes of one core. TRAIN and TEST say where the data are.
set -eu
TRAIN=${TRAIN:-../shared/reference/datasets/Si_mlearn_train.xyz}
TEST=${TEST:-../shared/reference/datasets/Si_mlearn_test.xyz}

train() {
    mdcore train "$@" --set data.0.file="$(realpath "$TRAIN")" --set data.1.file="$(realpath "$TEST")"
}

# the teachers
train inputs/train_silicon_density.toml
train inputs/train_silicon_phases.toml --set model.layers=1 --set model.l_max=3 --set loss.energy=30 --set optimizer.0.decay=0.02 \
    --set optimizer.0.epochs=150 --set optimizer.1.epochs=15 --set optimizer.1.batch=20 --set optimizer.1.energy=60 \
    --set output.name=silicon_one

# structures, labelled by their mean, slabs by one layer alone, which knows surfaces best (docs/benchmarks.md)
python inputs/distil.py Si results/silicon_taught.extxyz --dynamics results/silicon_one.h5 \
    --teachers results/silicon_two.h5 results/silicon_one.h5 --weights 2 1 --slab-weights 0 1
train inputs/train_silicon_taught.toml --set warm_start="$PWD/results/silicon_two.h5"

mdcore convert results/silicon_taught.h5 results/silicon_one.h5 results/silicon_density.h5 --data "$TRAIN"
labels="stress=virial_stress_raw,stress_unit=kbar,stress_order=xx yy zz xy yz xz,stress_sign=pressure"
mdcore evaluate results/silicon_density.h5 "$TRAIN" --labels "$labels" --record train
mdcore evaluate results/silicon_density.h5 "$TEST" --labels "$labels" --record test
