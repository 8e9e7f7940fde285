#!/bin/sh
# potentials/molybdenum_density.h5: three density networks of one layer, two of which learned from tight binding
# (docs/benchmarks/potentials.md, "What networks of products of four learn of it"). From the folder of the project, after
# inputs/train_molybdenum_taught.sh: inputs/train_molybdenum_tight_binding.sh; 25 minutes of one core; needs ASE and SciPy.
# TRAIN and TEST say where the data are.
set -eu
TRAIN=${TRAIN:-../shared/reference/datasets/Mo_mlearn_train.xyz}
TEST=${TEST:-../shared/reference/datasets/Mo_mlearn_test.xyz}

train() {
    mdcore train "$@" --set data.0.file="$(realpath -s --relative-to=inputs "$TRAIN")" \
        --set data.1.file="$(realpath -s --relative-to=inputs "$TEST")"
}

python inputs/molybdenum/teach.py "$TRAIN" --dynamics results/molybdenum_one.h5 --beside results/molybdenum_taught.extxyz \
    --hot results/molybdenum_hot.extxyz --runs 9 --few results/molybdenum_few.extxyz --slabs results/molybdenum_slabs.extxyz

# products of three, taught slabs alone
train inputs/train_molybdenum_taught.toml --set model.layers=1 --set model.l_max=3 --set loss.energy=balanced --set optimizer.1.step=0.001 \
    --set data.2.file=../results/molybdenum_slabs.extxyz --set data.2.weight=0.3 --set optimizer.0.epochs=45 \
    --set optimizer.1.epochs=10 --set output.name=molybdenum_three

# products of four: what tight binding knows, and then what the training set knows
four=inputs/train_molybdenum_tight_binding.toml
for seed in 1 2; do
    train $four --set seed=$seed --set output.name=molybdenum_before_$seed
    train $four --set seed=$seed --set output.name=molybdenum_four_$seed --set warm_start=../results/molybdenum_before_$seed.h5 \
        --set data.2.file=../results/molybdenum_few.extxyz --set data.2.weight=0.1 --set data.3.weight=0.1 \
        --set optimizer.0.epochs=1 --set optimizer.0.step=0.0003 --set optimizer.1.epochs=12 --set optimizer.1.step=0.0003
done

mdcore convert results/molybdenum_four_1.h5 results/molybdenum_four_2.h5 results/molybdenum_three.h5 \
    results/molybdenum_density.h5 --data "$TRAIN"
labels="stress=virial_stress_raw,stress_unit=kbar,stress_order=xx yy zz xy xz yz,stress_sign=pressure"
mdcore evaluate results/molybdenum_density.h5 "$TRAIN" --labels "$labels" --record train
mdcore evaluate results/molybdenum_density.h5 "$TEST" --labels "$labels" --record test
