"""Where does Python meet the kernels in C? One door a family, and no other way."""
