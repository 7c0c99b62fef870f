"""Kits for readers: one zip each that opens from the file system with the network off."""
