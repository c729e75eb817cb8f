"""What GIMP runs: standard library and GIMP's own gi, nothing else."""
