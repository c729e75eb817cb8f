"""How networks are trained: recipes, samples, losses, trainers, checkpoints."""
