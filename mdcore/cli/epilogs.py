"""What the help of a command ends with: examples."""

EPILOG = """\
examples:
  mdcore init lj                      write an input to begin with
  mdcore run input.toml               simulate what an input file describes
  mdcore run input.toml --restart     go on after Ctrl-C, a signal or a crash
  mdcore run input.toml --set seed=7  with one setting changed
  mdcore check input.toml             what it would do, what is wrong with it
  mdcore train train.toml             make a network potential of labelled data
  mdcore learn learn.toml             let it ask for the calculations it needs
  mpirun -n 4 mdcore run input.toml   on several cores: the same bits

help:
  mdcore help input                   what may stand in an input file
  mdcore help input stage             ... in one section; or about one key
  mdcore help train, help learn       ... in that of a training, a campaign
  mdcore help units, help exit-codes, help run

exit codes:
  {codes}
"""
RUN_EPILOG = """\
examples:
  mdcore run argon.toml
  mdcore run argon.toml --set stage.produce.steps=100000 --set output.name=long
  mdcore run argon.toml --restart     go on where the last run was stopped
  mpirun -n 4 mdcore run argon.toml

Ctrl-C and signals: a checkpoint is written, the exit code is 75.
mdcore help input tells what may stand in INPUT.
"""
TRAIN_EPILOG = """\
examples:
  mdcore check train.toml             what is in the data, what would be made
  mdcore train train.toml
  mdcore train train.toml --restart --set optimizer.0.epochs=50

mdcore help train tells what may stand in INPUT.
"""
LEARN_EPILOG = """\
examples:
  mdcore check learn.toml             what it would do, what is wrong with it
  mdcore learn learn.toml
  mdcore learn learn.toml --status    where it stands, while it works or after
  mdcore learn learn/ --status        the same, of the campaign's folder
  mdcore learn learn.toml --restart --set campaign.calls=1000

Whatever stopped it (Ctrl-C, a signal, a kill): --restart goes on, no structure is
calculated twice. mdcore help learn tells what may stand in INPUT.
"""
INIT_EPILOG = """\
examples:
  mdcore init                         what there is
  mdcore init lj                      writes lj.toml; then: mdcore run lj.toml
"""
RERUN_EPILOG = """\
examples:
  mdcore rerun silicon.h5 run.h5md --output new.extxyz --output new.csv
  mdcore rerun other.toml run.h5md --output new.h5md --frames 100::10
  mpirun -n 4 mdcore rerun silicon.h5 run.extxyz --output new.extxyz
"""
ANALYSE_EPILOG = """\
examples:
  mdcore analyse run.h5md
  mdcore analyse run.h5md --first 10000 --what diffusion,vibrations
  mdcore analyse run.h5md --what viscosity --end 2000 --output eta
  mdcore analyse dump.lammpstrj --interval 50
  mdcore analyse run.h5md --tensors dipoles.h5 --tensors alphas.h5

[analysis] in an input does the same when the run ends.
"""
SWEEP_EPILOG = """\
examples:
  mdcore sweep npt.toml --vary stage.npt.temperature=85,95,105
  mdcore sweep lj.toml --vary seed=1,2,3 --vary structure.density=1.3,1.4
  mpirun -n 4 mdcore sweep npt.toml --vary "stage.npt.pressure=0,0.1" --restart
"""
