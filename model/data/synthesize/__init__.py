"""Flash photographs made from evenly lit portraits: what the network learns from.

`portraits` finds and frames the faces, `geometry` fits the face mesh, `maps` keeps what
every flash of a portrait shares in a cache, `scene`, `light` and `camera` make flashes.
"""
