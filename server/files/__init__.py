"""Reading and writing picture files without losing anything that the user did not ask to change.

The server works on layers of samples; a file has more: orientation, colour profile, EXIF,
XMP, text, resolution, a quality. `pictures.read` hands the samples on upright and keeps the
rest; `pictures.write` puts changed samples back among it. One module per format knows that
format. Nothing is imported here: `names` is used where nothing heavy may be loaded.
"""
