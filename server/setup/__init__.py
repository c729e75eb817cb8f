"""Set-up, check and removal: what ``install.py`` and ``studio-portrait doctor`` do.

Standard library only, because it runs before the environment it makes exists.
"""
