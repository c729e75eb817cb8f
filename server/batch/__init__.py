"""Many pictures: which there are, what was done with them, and the engines that do it.

`listing` says which picture becomes which file, `manifest` keeps what was done, an engine (`local`,
`servers`, `on_ray`) turns items into outcomes in any order, and `run` puts them together. The one
function that retouches a picture in a process is `retoucher`'s.
"""
