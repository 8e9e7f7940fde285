#!/bin/sh
# Two density networks of molybdenum, of two layers and of one, taught by slower potentials (docs/benchmarks/potentials.md, "Taught by
# slower potentials"); no file in potentials/ is of it. From the folder of the project: inputs/train_molybdenum_taught.sh;
# about 8 minutes of one core. TRAIN and TEST say where the data are.
set -eu
TRAIN=${TRAIN:-../shared/reference/datasets/Mo_mlearn_train.xyz}
TEST=${TEST:-../shared/reference/datasets/Mo_mlearn_test.xyz}

train() {
    mdcore train "$@" --set data.0.file="$(realpath "$TRAIN")" --set data.1.file="$(realpath "$TEST")"
}

# the teachers, beside potentials/molybdenum.h5
train inputs/train_molybdenum_density.toml --set model.message_l=1 --set optimizer.0.decay=0.3 \
    --set output.name=molybdenum_vectors
train inputs/train_molybdenum_phases.toml --set model.layers=1 --set model.l_max=3 --set loss.energy=balanced --set optimizer.1.step=0.001 \
    --set output.name=molybdenum_one

# structures, labelled by their mean; vectors know surfaces least (docs/benchmarks.md) and say nothing of them
python inputs/distil.py Mo results/molybdenum_taught.extxyz --dynamics results/molybdenum_one.h5 \
    --teachers potentials/molybdenum.h5 results/molybdenum_vectors.h5 results/molybdenum_one.h5 --slab-weights 1 0 1
train inputs/train_molybdenum_taught.toml
train inputs/train_molybdenum_taught.toml --set model.layers=1 --set model.l_max=3 --set loss.energy=balanced --set optimizer.1.step=0.001 \
    --set output.name=molybdenum_taught_one

mdcore convert results/molybdenum_taught.h5 results/molybdenum_taught_one.h5 results/molybdenum_taught_both.h5 \
    --data "$TRAIN"
labels="stress=virial_stress_raw,stress_unit=kbar,stress_order=xx yy zz xy xz yz,stress_sign=pressure"
mdcore evaluate results/molybdenum_taught_both.h5 "$TRAIN" --labels "$labels" --record train
mdcore evaluate results/molybdenum_taught_both.h5 "$TEST" --labels "$labels" --record test
