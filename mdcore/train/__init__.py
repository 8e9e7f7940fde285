"""How does labelled data become a potential? Environments, loss, optimisers."""
