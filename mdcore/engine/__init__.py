"""One evaluation of forces: who owns which atom, who is near, from positions to the virial."""
