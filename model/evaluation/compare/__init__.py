"""The paper's comparison: our networks beside those it is compared with, on the same held-out people."""
