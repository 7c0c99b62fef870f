"""One centre: sockets, chain, training and files around the state machine."""
