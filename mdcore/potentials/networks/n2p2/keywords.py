"""Which keywords of ``input.nn`` does mdcore act on, which may it ignore, and which must it refuse?

The names are those documented by n2p2 (https://compphysvienna.github.io/n2p2/topics/keywords.html) and by
RuNNer (https://theochemgoettingen.gitlab.io/RuNNer/1.3/reference/keywords/). A keyword in none of these
tables is an error: it might change the energy.
"""

from difflib import get_close_matches

# Acted on, by the reader in n2p2/read.py. The second word is how often: once, or many lines.
HANDLED = {
    "number_of_elements": "once",
    "elements": "once",
    "cutoff_type": "once",
    "cutoff_alpha": "once",
    "symfunction_short": "many",
    "element_symfunction_short": "many",
    "global_symfunction_short": "many",
    "center_symmetry_functions": "once",
    "scale_symmetry_functions": "once",
    "scale_symmetry_functions_sigma": "once",
    "scale_min_short": "once",
    "scale_max_short": "once",
    "global_hidden_layers_short": "once",
    "global_nodes_short": "once",
    "global_activation_short": "once",
    "global_output_nodes_short": "once",
    "element_hidden_layers_short": "many",
    "element_nodes_short": "many",
    "element_activation_short": "many",
    "normalize_nodes": "once",
    "atom_energy": "many",
    "remove_atom_energies": "once",
    "runner_mode": "once",
    "mean_energy": "once",
    "conv_energy": "once",
    "conv_length": "once",
    "nnp_generation": "once",
    "nnp_type": "once",
    "nn_type_short": "once",
    "use_electrostatics": "once",
    # of the fourth generation alone; others ignore them
    "symfunction_electrostatic": "many",
    "element_symfunction_electrostatic": "many",
    "global_symfunction_electrostatic": "many",
    "global_hidden_layers_electrostatic": "once",
    "global_nodes_electrostatic": "once",
    "global_activation_electrostatic": "once",
    "global_output_nodes_electrostatic": "once",
    "element_hidden_layers_electrostatic": "many",
    "element_nodes_electrostatic": "many",
    "element_activation_electrostatic": "many",
    "scale_min_elec": "once",
    "scale_max_elec": "once",
    "fixed_gausswidth": "many",
    "screen_electrostatics": "once",
    "four_pi_epsilon": "once",
    "conv_charge": "once",
    "ewald_prec": "once",
    "ewald_truncation_error_method": "once",
}

# Other spellings of the above; a trailing ``_atomic`` (RuNNer) is dropped as well, and ``_elec`` and ``_ewald`` (older
# versions) are ``_electrostatic``.
ALIASES = {
    "symfunction": "symfunction_short",
    "nnp_gen": "nnp_generation",
    "nn_type": "nn_type_short",
    "global_output_nodes": "global_output_nodes_short",
    "center_symmetry_function": "center_symmetry_functions",
    "scale_symmetry_function": "scale_symmetry_functions",
}

# They change the energy and mdcore does not (yet) do what they say.
REFUSED = {
    "use_fixed_charges": "electrostatic energies from fixed charges",
    "use_vdw": "dispersion corrections inside the network's files (add a dispersion potential instead)",
    "pairsymfunction_short": "pair networks",
    "element_pairsymfunction_short": "pair networks",
    "global_pairsymfunction_short": "pair networks",
    "nntb": "tight-binding networks",
    "use_ham": "tight-binding networks",
}

# About training, output or how the other program runs: nothing an energy depends on. Other `ewald_` settings are
# among them, for sums over charges are converged (potentials/charges/).
_IGNORED = """
analyze_composition analyze_error analyze_error_charge_step analyze_error_energy_step
analyze_error_force_step biasweights_max biasweights_min bond_threshold calculate_final_force
calculate_forces calculate_hessian calculate_stress charge_error_threshold charge_fraction charge_group
charge_update_scaling check_forces check_input_forces data_clustering debug_mode dynamic_force_grouping
detailed_timing detailed_timing_epoch detect_saturation dynforcegroup_start element_decoupled_forces_v2
element_decoupled_kalman enable_on_the_fly_input energy_threshold enforce_max_num_neighbors_atomic
enforce_totcharge environment_analysis epochs extrapolation_warnings find_contradictions fitting_unit fixed_charge
fixed_short_energy_error_threshold fixed_short_force_error_threshold force_energy_ratio
force_grouping_by_structure force_threshold force_update_scaling force_weight
growth_mode initial_hardness initialization_only ion_forces_only jacobian_mode joint_energy_force_update
main_error_metric max_energy max_force md_mode mean_charge memorize_symfunc_results mix_all_points
noise_charge noise_energy noise_force normalize_data_set optmode_charge optmode_short_energy
optmode_short_force parallel_mode points_in_memory precondition_weights prepare_md random_number_type
random_order_training random_seed read_kalman_matrices read_unformatted regularize_fit_param
remove_vdw_energies repeated_energy_update reset_kalman restrict_weights rmse_threshold
rmse_threshold_charge rmse_threshold_energy rmse_threshold_force rmse_threshold_trials
rmse_threshold_trials_charge rmse_threshold_trials_energy rmse_threshold_trials_force
save_kalman_matrices scale_max_short_pair scale_min_short_pair
selection_mode selection_mode_charge selection_mode_energy selection_mode_force
separate_bias_ini_short separate_kalman_short short_energy_error_threshold short_energy_fraction
short_energy_group short_force_error_threshold short_force_fraction short_force_group
shuffle_weights_short_atomic silent_mode symfunction_correlation test_fraction
total_charge_error_threshold update_single_element update_strategy update_worst_charges
update_worst_short_energies update_worst_short_forces updater_type use_atom_charges use_atom_energies
use_charge_constraint use_damping use_gausswidth use_ipi use_noisematrix use_old_scaling use_old_weights_charge
use_old_weights_short use_omp_mkl use_short_forces use_short_nn use_systematic_weights_electrostatic
use_systematic_weights_short vdw_coefficient vdw_cutoff vdw_radius vdw_screening vdw_type
weight_analysis weight_constraint weights_max weights_min weightse_max weightse_min
"""
IGNORED = frozenset(_IGNORED.split())
IGNORED_PREFIXES = (
    "kalman_", "gradient_", "write_", "print_", "task_batch_size_", "nguyen_widrow_weights_", "ewald_",
    "electrostatic_", "steepest_descent_",
)  # fmt: skip
SLIP = 0.9  # so alike are two words of which one is meant for the other
IGNORED_SUFFIXES = ("_electrostatic", "_electrostatics", "_elec", "_ewald", "_charge", "_charges", "_pair")


def canonical(keyword: str) -> str:
    """The spelling used in the tables above."""
    keyword = ALIASES.get(keyword, keyword)
    for old in ("_elec", "_ewald"):
        if keyword.endswith(old) and (own := keyword.removesuffix(old) + "_electrostatic") in HANDLED:
            return own
    stem = keyword.removesuffix("_atomic")
    return stem if stem in HANDLED and keyword not in IGNORED else keyword


def is_ignored(keyword: str) -> bool:
    """True for a keyword that no energy depends on, and that is no slip of the pen of one that is acted on."""
    if keyword in IGNORED or keyword.startswith(IGNORED_PREFIXES):
        return True
    return keyword.endswith(IGNORED_SUFFIXES) and not get_close_matches(keyword, HANDLED, 1, SLIP)
