"""The server from another machine: keys, who may come in, the client's side, the relay.

Everything here is libzmq's own CURVE. Nothing of it is loaded by a server that only this machine can reach.
"""
