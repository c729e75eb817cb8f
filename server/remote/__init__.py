"""The server from another machine: keys, the guarded door, the client's side, the local relay.

Everything here is libzmq's own CURVE. Nothing of it is loaded by a server that only this machine can reach.
"""
