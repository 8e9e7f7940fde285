"""From labelled structures to a potential: data, descriptors, training, and how good it is."""
