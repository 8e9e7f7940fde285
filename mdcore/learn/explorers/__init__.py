"""Where may the potential not know its way? One file a kind of explorer."""
