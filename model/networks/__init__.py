"""The networks: one file each, its `torch.nn.Module` beside its descriptor, and one registry."""
