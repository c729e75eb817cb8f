"""Everything both ends of the wire share: contract, transport, session, start of the server.

Standard library only, Python 3.10 and later, relative imports only, so that the
same package works inside GIMP and in the server's own environment.
"""
